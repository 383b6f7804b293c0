using System.CommandLine;
using System.Diagnostics;
using Cuvee.CommandLine;
using Cuvee.Formats.Safetensors;
using Cuvee.Lab.RandomModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab random-model</c>: a model of a published shape, and adapters for it, with random weights.</summary>
internal static class RandomModelCommand
{
    public static Command Create()
    {
        var shape = new Option<string>("--shape") { Description = "Published shape.", Required = true };
        shape.AcceptOnlyFromAmong([.. ModelShapes.All.Keys]);
        var dtype = new Option<string>("--dtype") { Description = "Of the weights; adapters are bf16.", DefaultValueFactory = _ => "bf16" };
        dtype.AcceptOnlyFromAmong("bf16", "f16", "f32");
        var output = new Option<string>("--out") { Description = "Folder of the model.", Required = true };
        var adapters = new Option<int>("--adapters") { Description = "Random adapters of all linear modules." }.AtLeast(0);
        var rank = new Option<int>("--rank") { Description = "Of the adapters.", DefaultValueFactory = _ => 16 }.AtLeast(1);
        var pool = new Option<string?>("--adapters-out") { Description = "Folder of the adapters, one folder each." };
        var seed = new Option<ulong>("--seed") { Description = "Same seed, same bytes.", DefaultValueFactory = _ => 1 };
        var command = new ExampleCommand(
            "random-model",
            "Write a Hugging Face model of a published shape with random weights, to measure speed and memory with.",
            "cuvee-lab random-model --shape tiny --out models/tiny --adapters 4 --rank 8 --adapters-out models/tiny-pool",
            "cuvee-lab random-model --shape qwen2.5-0.5b --dtype f16 --out models/qwen")
        { shape, dtype, output, adapters, rank, pool, seed };
        command.Validators.Add(result =>
        {
            if (result.GetValue(adapters) > 0 && result.GetValue(pool) is null) result.AddError("--adapters needs --adapters-out.");
        });
        command.SetAction(arguments =>
        {
            var start = Stopwatch.GetTimestamp();
            var name = arguments.GetRequiredValue(shape);
            var folder = arguments.GetRequiredValue(output);
            using var team = new ThreadTeam();
            var model = new RandomModel(ModelShapes.All[name], name, arguments.GetValue(seed), team);
            var parameters = model.Write(folder, Enum.Parse<TensorType>(arguments.GetRequiredValue(dtype), ignoreCase: true));
            Console.Error.WriteLine($"{folder}: {parameters / 1e6:F1}M parameters in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
            if (arguments.GetValue(pool) is not { } adaptersFolder) return 0;
            start = Stopwatch.GetTimestamp();
            model.WriteAdapters(adaptersFolder, arguments.GetValue(adapters), arguments.GetValue(rank));
            Console.Error.WriteLine(
                $"{adaptersFolder}: {arguments.GetValue(adapters)} adapters of rank {arguments.GetValue(rank)} in " +
                $"{Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
            return 0;
        });
        return command;
    }
}
