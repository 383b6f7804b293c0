using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Lab.Benchmarks;
using Cuvee.Numerics;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab bench</c>: speed of a training step against OpenBLAS's speed on one of its products, in one run.</summary>
internal static class BenchCommand
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var sequences = new Option<int>("--sequences") { Description = "Sequences a step.", DefaultValueFactory = _ => 16 };
        var length = new Option<int>("--length") { Description = "Tokens a sequence.", DefaultValueFactory = _ => 128 };
        var steps = new Option<int>("--steps") { Description = "Steps to time.", DefaultValueFactory = _ => 30 };
        var command = new ExampleCommand(
            "bench",
            "Time full-training steps of the zoo's base shape; prints JSON with the share of OpenBLAS's speed (where it is installed).",
            "cuvee-lab bench --sequences 16 --length 128") { sequences, length, steps };
        command.SetAction(arguments =>
        {
            var result = TrainingBenchmark.Run(
                arguments.GetValue(sequences), arguments.GetValue(length), arguments.GetValue(steps), TimeProvider.System);
            double? openBlas = OpenBlas.TryLoad(out var library) ? Measure(library) : null;
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    result.Milliseconds,
                    result.Gflop,
                    result.Gflops,
                    TokensPerSecond = result.Tokens / result.Milliseconds * 1e3,
                    OpenblasGflops = openBlas,
                    ShareOfOpenblas = result.Gflops / openBlas,
                },
                Json));
            return 0;
        });
        return command;
    }

    /// <summary>OpenBLAS at [4096,192] x [192,576], both threads: median GFLOP/s.</summary>
    private static double Measure(OpenBlas library)
    {
        const int M = 4096, N = 576, K = 192;
        var a = new float[M * K];
        var b = new float[K * N];
        var c = new float[M * N];
        Array.Fill(a, 1e-3f);
        Array.Fill(b, 1e-3f);
        library.Threads = 2;
        var times = new double[25];
        for (var i = 0; i < times.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            library.Multiply(M, N, K, a, K, false, b, N, false, c, N, false);
            times[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(times);
        return 2.0 * M * N * K / times[times.Length / 2] / 1e9;
    }
}
