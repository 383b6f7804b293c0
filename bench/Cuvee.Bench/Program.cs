using System.Globalization;
using Cuvee.Bench;

// dotnet run --project bench/Cuvee.Bench -- [repetitions] [threads]
var numbers = args.Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
GemmBenchmark.Run(numbers.Length > 0 ? numbers[0] : 15, numbers.Length > 1 ? numbers[1] : 0);
