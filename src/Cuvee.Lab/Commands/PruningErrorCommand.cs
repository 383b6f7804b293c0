using System.CommandLine;
using System.Globalization;
using Cuvee.CommandLine;
using Cuvee.Lab.References;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab pruning-error</c>: how far pruning LoraA, LoraB or both moves the updates of a pool.</summary>
internal static class PruningErrorCommand
{
    public static Command Create()
    {
        var pool = new Option<string>("--pool")
        {
            Description = "Folder of the adapters.",
            DefaultValueFactory = _ => "zoo/adapters",
            HelpName = "DIR",
        };
        var command = new ExampleCommand(
            "pruning-error",
            "Relative error of every adapter's update when keep fractions prune LoraA, LoraB or both: median and range over the pool.",
            "cuvee-lab pruning-error --pool zoo/adapters") { pool };
        command.SetAction(arguments =>
        {
            var errors = PruningError.Measure(AdapterPool.Load(arguments.GetRequiredValue(pool))).ToList();
            Console.Out.WriteLine($"| keep fraction | {string.Join(" | ", Enum.GetNames<PrunedFactor>())} |\n|---|---|---|---|");
            foreach (var keep in PruningError.KeepFractions)
            {
                var cells = errors.Where(error => error.KeepFraction == keep).Select(error => Describe(error.Errors));
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {keep} | {string.Join(" | ", cells)} |"));
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static string Describe(IReadOnlyList<double> errors)
    {
        double[] sorted = [.. errors.Order()];
        return string.Create(
            CultureInfo.InvariantCulture, $"{Quantiles.OfSorted(sorted, 0.5):0.000} ({sorted[0]:0.000} to {sorted[^1]:0.000})");
    }
}
