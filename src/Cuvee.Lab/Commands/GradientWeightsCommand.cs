using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Inference;
using Cuvee.Lab.References;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab gradient-weights</c>: the white-box reference as a recipe.</summary>
internal static class GradientWeightsCommand
{
    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = "Base model folder.", Required = true };
        var pool = new Option<string>("--pool") { Description = "Folder of adapters.", Required = true };
        var exclude = new Option<string[]>("--exclude") { Description = "Adapters to leave out.", AllowMultipleArgumentsPerToken = true };
        var data = new Option<string>("--data") { Description = "Validation records (JSON lines).", Required = true };
        var output = new Option<string>("--out") { Description = "Recipe to write.", Required = true };
        var steps = new Option<int>("--steps") { Description = "Adam steps on all records.", DefaultValueFactory = _ => 80 };
        var rate = new Option<double>("--learning-rate") { Description = "Adam's learning rate.", DefaultValueFactory = _ => 0.03 };
        var command = new ExampleCommand(
            "gradient-weights",
            "Train merge weights by gradient (white box): the reference that a black-box search is measured against.",
            "cuvee-lab gradient-weights --model zoo/base --pool zoo/adapters " +
            "--exclude ner-mit-restaurant --data validation.jsonl --out gradient.json")
            { model, pool, exclude, data, output, steps, rate };
        command.SetAction((arguments, cancellationToken) =>
        {
            using var engine = EmbeddedModel.Load(arguments.GetRequiredValue(model));
            var adapters = AdapterPool.Load(arguments.GetRequiredValue(pool), arguments.GetValue(exclude));
            using var team = new ThreadTeam();
            var reference = new GradientTrainedWeights(engine, adapters, RecordFile.Read(arguments.GetRequiredValue(data)), team);
            var recipe = reference.Train(
                arguments.GetValue(steps),
                arguments.GetValue(rate),
                (step, loss) =>
                {
                    if (step % 10 == 0) Console.Error.WriteLine($"step {step}: validation loss {loss:F4}");
                },
                cancellationToken);
            RecipeJson.Write(arguments.GetRequiredValue(output), recipe);
            return Task.FromResult(0);
        });
        return command;
    }
}
