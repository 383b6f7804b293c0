namespace Cuvee.Metrics;

/// <summary>A metric over a data set, in [0, 1]. Where nothing was predicted, expected or either, the quotient counts as 0.</summary>
/// <param name="Value">F1 for ie-f1; the mean over records for the other metrics.</param>
public readonly record struct MetricScore(double Precision, double Recall, double Value, int Records)
{
    public static MetricScore Of(IReadOnlyList<MetricCounts> perRecord)
    {
        var total = perRecord.Aggregate(default(MetricCounts), (sum, counts) => sum + counts);
        return new MetricScore(
            new Ratio(total.Matched, total.Predicted).Value,
            new Ratio(total.Matched, total.Expected).Value,
            total.ToRatio().Value,
            perRecord.Count);
    }
}
