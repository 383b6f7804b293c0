using Cuvee.Numerics;

namespace Cuvee.Metrics;

/// <summary>
/// Percentile bootstrap over records (Efron and Tibshirani 1993, chapter 13): 95% intervals of a quotient of sums, of one model or of the
/// difference of two models on the same records. Several runs on the same records are pooled as their mean, and both runs and records are
/// drawn (Owen 2007, "the pigeonhole bootstrap"), one run fewer than there are (McCarthy and Snowden 1985). Same counts and seed, same
/// interval.
/// </summary>
public static class Bootstrap
{
    public const int DefaultResamples = 2000;

    /// <param name="records">One entry per record, at least one.</param>
    /// <param name="resamples">At least 1.</param>
    public static ConfidenceInterval Interval(IReadOnlyList<Ratio> records, ulong seed, int resamples = DefaultResamples) =>
        Resample([records], seed, resamples).Interval;

    /// <summary>
    /// Interval of value(<paramref name="first"/>) - value(<paramref name="second"/>); both are drawn at the same records.
    /// </summary>
    public static ConfidenceInterval Difference(
        IReadOnlyList<Ratio> first, IReadOnlyList<Ratio> second, ulong seed, int resamples = DefaultResamples) =>
        PooledDifference([first], [second], seed, resamples);

    public static ConfidenceInterval Interval(IReadOnlyList<MetricCounts> records, ulong seed, int resamples = DefaultResamples) =>
        Interval(Ratios(records), seed, resamples);

    public static ConfidenceInterval Difference(
        IReadOnlyList<MetricCounts> first, IReadOnlyList<MetricCounts> second, ulong seed, int resamples = DefaultResamples) =>
        Difference(Ratios(first), Ratios(second), seed, resamples);

    /// <summary>
    /// Interval of the mean over runs of value(<paramref name="first"/>) - value(<paramref name="second"/>); run i of one belongs to
    /// run i of the other, and both are drawn at the same runs and records.
    /// </summary>
    public static ConfidenceInterval PooledDifference(
        IReadOnlyList<IReadOnlyList<Ratio>> first,
        IReadOnlyList<IReadOnlyList<Ratio>> second,
        ulong seed,
        int resamples = DefaultResamples)
    {
        if (first.Count != second.Count || first.Count == 0 || first[0].Count != second[0].Count)
        {
            throw new ArgumentException(
                $"A paired difference needs the same runs and records: {Shape(first)} and {Shape(second)} were given.", nameof(second));
        }

        return Resample(first, seed, resamples).Minus(Resample(second, seed, resamples)).Interval;
    }

    /// <summary>
    /// Each resample draws runs with replacement, one fewer than there are (as many would give the mean of R runs a variance too small by
    /// (R-1)/R), and one set of records that all of them share, since the runs were measured on the same records. What is drawn depends
    /// on the seed and the numbers of runs and records alone.
    /// </summary>
    /// <param name="runs">[runs][records], at least one of each, the same records in every run.</param>
    /// <param name="runSeed">Draws the runs; null for <paramref name="seed"/>. The same one for values of the same runs on other records
    /// draws the same runs.</param>
    public static ResampledValue Resample(
        IReadOnlyList<IReadOnlyList<Ratio>> runs, ulong seed, int resamples = DefaultResamples, ulong? runSeed = null)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentOutOfRangeException.ThrowIfZero(runs.Count, nameof(runs));
        var records = runs[0].Count;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(records);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(resamples);
        if (runs.Any(run => run.Count != records))
            throw new ArgumentException($"Pooled runs need the same records: {Shape(runs)} were given.", nameof(runs));

        Ratio[][] values = [.. runs.Select(run => run.ToArray())];
        var random = SeededRandom.Derive(seed, "bootstrap");
        var randomRun = SeededRandom.Derive(runSeed ?? seed, "bootstrap-runs"); // its own stream: one run draws what two equal ones do
        var draws = Math.Max(1, values.Length - 1);
        var drawn = Enumerable.Range(0, records).ToArray(); // record positions of one resample
        var value = values.Average(run => SumOf(run, drawn).Value);
        var estimates = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            for (var i = 0; i < records; i++) drawn[i] = random.NextInt32(records);
            var sum = 0.0;
            for (var i = 0; i < draws; i++) sum += SumOf(values[randomRun.NextInt32(values.Length)], drawn).Value;
            estimates[r] = sum / draws;
        }

        return new ResampledValue(value, estimates);
    }

    private static Ratio SumOf(Ratio[] records, int[] drawn)
    {
        var sum = default(Ratio);
        foreach (var i in drawn) sum += records[i];
        return sum;
    }

    private static string Shape(IReadOnlyList<IReadOnlyList<Ratio>> runs) =>
        $"{runs.Count} runs of {string.Join(", ", runs.Select(run => run.Count).Distinct())} records";

    private static Ratio[] Ratios(IReadOnlyList<MetricCounts> records) => [.. records.Select(r => r.ToRatio())];
}

/// <summary>A value and what it was in each resample, in the order of the draws.</summary>
public sealed record ResampledValue(double Value, IReadOnlyList<double> Estimates)
{
    private const double LowerQuantile = 0.025;
    private const double UpperQuantile = 0.975;

    public ConfidenceInterval Interval
    {
        get
        {
            double[] sorted = [.. Estimates];
            Array.Sort(sorted);
            return new ConfidenceInterval(Value, Quantiles.OfSorted(sorted, LowerQuantile), Quantiles.OfSorted(sorted, UpperQuantile));
        }
    }

    /// <param name="other">Drawn with the same seed from as many runs and records.</param>
    public ResampledValue Minus(ResampledValue other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new ResampledValue(Value - other.Value, [.. Estimates.Zip(other.Estimates, (mine, its) => mine - its)]);
    }

    /// <summary>The mean of independent values, such as one score a data set.</summary>
    /// <param name="values">At least one, of equally many resamples.</param>
    public static ResampledValue Mean(IReadOnlyList<ResampledValue> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfZero(values.Count, nameof(values));
        var resamples = Enumerable.Range(0, values[0].Estimates.Count);
        return new ResampledValue(
            values.Average(value => value.Value), [.. resamples.Select(r => values.Average(value => value.Estimates[r]))]);
    }
}
