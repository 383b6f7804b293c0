namespace Cuvee.Metrics;

/// <summary>
/// What one record adds to a metric. Counts add up over records; the micro-averaged value of any set of records follows from
/// their sum, so a bootstrap only re-adds counts. Metrics that give a record one number in [0, 1] put it in
/// <paramref name="Matched"/> and 1 in the others.
/// </summary>
/// <param name="Matched">Items that are in both the answer and the expected answer.</param>
/// <param name="Predicted">Items in the answer.</param>
/// <param name="Expected">Items in the expected answer.</param>
public readonly record struct MetricCounts(double Matched, double Predicted, double Expected)
{
    public static MetricCounts operator +(MetricCounts left, MetricCounts right) =>
        new(left.Matched + right.Matched, left.Predicted + right.Predicted, left.Expected + right.Expected);

    public static MetricCounts Add(MetricCounts left, MetricCounts right) => left + right;

    /// <summary>Numerator and denominator of F1 = 2 * matched / (predicted + expected).</summary>
    public Ratio ToRatio() => new(2 * Matched, Predicted + Expected);
}
