using Cuvee.Metrics;

namespace Cuvee.Lab.Niches;

/// <param name="Test">Accuracy on the test images.</param>
internal sealed record NichesReference(string Name, ConfidenceInterval Test);

/// <summary>A row over all seeds at the end of its runs.</summary>
/// <param name="Difference">M2N2's accuracy minus this row's, paired; null for M2N2 itself.</param>
/// <param name="Seconds">Wall time of a run, on average, with as many runs at a time as the machine has threads.</param>
internal sealed record NichesSummary(
    string Start, string Row, string Name, double Train, ConfidenceInterval Test, ConfidenceInterval? Difference, double Seconds);

/// <summary>niches.json.</summary>
internal sealed record NichesResults
{
    private const ulong BootstrapSeed = 2508;

    public required string Experiment { get; init; }

    /// <summary>What the images are.</summary>
    public required string Images { get; init; }

    /// <summary>Of a model.</summary>
    public required int Weights { get; init; }

    /// <summary>Pixels of an image.</summary>
    public required int Pixels { get; init; }

    public required bool Quick { get; init; }

    public required int Passes { get; init; }

    public required IReadOnlyList<ulong> Seeds { get; init; }

    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    public required IReadOnlyList<NichesSummary> Rows { get; init; }

    public required IReadOnlyList<NichesReference> References { get; init; }

    public required IReadOnlyList<NichesRunResult> Runs { get; init; }

    public static NichesResults Of(
        NichesExperiment experiment, DigitImages train, DigitImages test, IReadOnlyList<NichesRunResult> runs,
        IReadOnlyList<NichesReference> references)
    {
        var rows = runs.Select(run => (run.Start, run.Row)).Distinct()
            .OrderByDescending(key => key.Start, StringComparer.Ordinal).Select(key => Summary(runs, key.Start, key.Row));
        return new NichesResults
        {
            Experiment = experiment.Name,
            Images = experiment.Source,
            Weights = DigitNet.WeightsOf(train.PixelCount),
            Pixels = train.PixelCount,
            Quick = experiment.Quick,
            Passes = experiment.Passes,
            Seeds = experiment.Seeds,
            TrainImages = train.Count,
            TestImages = test.Count,
            Rows = [.. rows],
            References = references,
            Runs = runs,
        };
    }

    /// <summary>95% interval over runs and test images together.</summary>
    /// <param name="errors">[runs][test images], 0 or 1.</param>
    public static ConfidenceInterval Accuracy(IReadOnlyList<IReadOnlyList<double>> errors) =>
        Bootstrap.Resample(Ratios(errors), BootstrapSeed).Interval;

    private static NichesSummary Summary(IReadOnlyList<NichesRunResult> all, string start, string row)
    {
        var runs = all.Where(run => run.Start == start && run.Row == row).OrderBy(run => run.Seed).ToList();
        var main = all.Where(run => run.Start == start && run.Row == NichesRow.All[0].Key).OrderBy(run => run.Seed);
        return new NichesSummary(
            start,
            row,
            NichesRow.All.Single(each => each.Key == row).Name,
            runs.Average(run => run.Curve[^1].Train),
            Accuracy(Errors(runs)),
            row == NichesRow.All[0].Key ? null : Bootstrap.PooledDifference(Ratios(Errors(main)), Ratios(Errors(runs)), BootstrapSeed),
            Math.Round(runs.Average(run => run.Seconds), 1));
    }

    private static IReadOnlyList<double>[] Errors(IEnumerable<NichesRunResult> runs) =>
        [.. runs.Select(run => (IReadOnlyList<double>)[.. run.TestErrors.Select(error => (double)error)])];

    private static IReadOnlyList<Ratio>[] Ratios(IReadOnlyList<IReadOnlyList<double>> errors) =>
        [.. errors.Select(run => (IReadOnlyList<Ratio>)[.. run.Select(error => new Ratio(1 - error, 1))])];
}
