using System.Globalization;
using Cuvee.Bench;

// dotnet run --project bench/Cuvee.Bench -- [gemm|skinny|decode|latency|child] [repetitions] [threads]
var name = args.Length > 0 && !char.IsAsciiDigit(args[0][0]) ? args[0] : "gemm";
var numbers = args.Where(text => text != name).Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
var (repetitions, threads) = (numbers.Length > 0 ? numbers[0] : 15, numbers.Length > 1 ? numbers[1] : 0);
Action<int, int> benchmark = name switch
{
    "gemm" => GemmBenchmark.Run,
    "skinny" => SkinnyBenchmark.Run,
    "decode" => DecodeBenchmark.Run,
    "latency" => LatencyBenchmark.Run,
    "child" => ChildBenchmark.Run,
    _ => throw new ArgumentException($"No benchmark is called {name}."),
};
benchmark(repetitions, threads);
