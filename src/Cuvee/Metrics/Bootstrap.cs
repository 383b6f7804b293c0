using Cuvee.Numerics;

namespace Cuvee.Metrics;

/// <summary>
/// Percentile bootstrap over records (Efron and Tibshirani 1993, chapter 13): 95% intervals of a quotient of sums, of one model or of the
/// difference of two models on the same records. Same counts and seed, same interval.
/// </summary>
public static class Bootstrap
{
    public const int DefaultResamples = 2000;

    private const double LowerQuantile = 0.025;
    private const double UpperQuantile = 0.975;

    /// <param name="records">One entry per record, at least one.</param>
    /// <param name="resamples">At least 1.</param>
    public static ConfidenceInterval Interval(IReadOnlyList<Ratio> records, ulong seed, int resamples = DefaultResamples) =>
        Resample(Sum(records).Value, records.Count, seed, resamples, drawn => SumOf(records, drawn).Value);

    /// <summary>
    /// Interval of value(<paramref name="first"/>) - value(<paramref name="second"/>); both are drawn at the same records.
    /// </summary>
    public static ConfidenceInterval Difference(
        IReadOnlyList<Ratio> first, IReadOnlyList<Ratio> second, ulong seed, int resamples = DefaultResamples)
    {
        if (first.Count != second.Count)
            throw new ArgumentException(
                $"A paired difference needs the same records: {first.Count} and {second.Count} were given.",
                nameof(second));
        return Resample(
            Sum(first).Value - Sum(second).Value,
            first.Count,
            seed,
            resamples,
            drawn => SumOf(first, drawn).Value - SumOf(second, drawn).Value);
    }

    public static ConfidenceInterval Interval(IReadOnlyList<MetricCounts> records, ulong seed, int resamples = DefaultResamples) =>
        Interval(Ratios(records), seed, resamples);

    public static ConfidenceInterval Difference(
        IReadOnlyList<MetricCounts> first, IReadOnlyList<MetricCounts> second, ulong seed, int resamples = DefaultResamples) =>
        Difference(Ratios(first), Ratios(second), seed, resamples);

    private static ConfidenceInterval Resample(double value, int records, ulong seed, int resamples, Func<int[], double> estimate)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(records);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(resamples);
        var random = SeededRandom.Derive(seed, "bootstrap");
        var drawn = new int[records]; // record positions of one resample
        var estimates = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            for (var i = 0; i < records; i++) drawn[i] = random.NextInt32(records);
            estimates[r] = estimate(drawn);
        }

        Array.Sort(estimates);
        return new ConfidenceInterval(value, Quantile(estimates, LowerQuantile), Quantile(estimates, UpperQuantile));
    }

    /// <summary>Linear interpolation between order statistics (Hyndman and Fan's type 7).</summary>
    private static double Quantile(double[] sorted, double probability)
    {
        var position = probability * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }

    private static Ratio Sum(IReadOnlyList<Ratio> records)
    {
        var sum = default(Ratio);
        for (var i = 0; i < records.Count; i++) sum += records[i];
        return sum;
    }

    private static Ratio SumOf(IReadOnlyList<Ratio> records, int[] drawn)
    {
        var sum = default(Ratio);
        foreach (var i in drawn) sum += records[i];
        return sum;
    }

    private static Ratio[] Ratios(IReadOnlyList<MetricCounts> records) => [.. records.Select(r => r.ToRatio())];
}
