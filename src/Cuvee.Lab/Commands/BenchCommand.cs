using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Lab.Benchmarks;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab bench</c>: speed of training steps against OpenBLAS's speed on one of their products, in one run.</summary>
internal static class BenchCommand
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var sequences = new Option<int>("--sequences") { Description = "Sequences a step.", DefaultValueFactory = _ => 16 };
        var length = new Option<int>("--length") { Description = "Tokens a sequence.", DefaultValueFactory = _ => 128 };
        var steps = new Option<int>("--steps") { Description = "Steps to time.", DefaultValueFactory = _ => 30 };
        var threads = new Option<int>("--threads") { Description = "Threads of both; 0: one per processor." };
        var command = new ExampleCommand(
            "bench",
            "Time full-training steps of the zoo's base shape; prints JSON with the share of OpenBLAS's speed (where it is installed).",
            "cuvee-lab bench --sequences 16 --length 128") { sequences, length, steps, threads };
        command.SetAction(arguments =>
        {
            var result = TrainingBenchmark.Run(
                arguments.GetValue(sequences), arguments.GetValue(length), arguments.GetValue(steps), arguments.GetValue(threads),
                TimeProvider.System);
            Console.Out.WriteLine(JsonSerializer.Serialize(result, Json));
            return 0;
        });
        return command;
    }
}
