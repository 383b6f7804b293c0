using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>A row with what its intervals need.</summary>
internal sealed record MeasuredRow(string Name, RowKind Kind, long Queries)
{
    public double ValidationLoss { get; init; }

    /// <summary>[test records], negative log-probability over tokens.</summary>
    public IReadOnlyList<Ratio> Losses { get; init; } = [];

    /// <summary>[test records]</summary>
    public IReadOnlyList<MetricCounts> Counts { get; init; } = [];

    public ComparisonRow ToRow(ulong seed) => new(
        Name,
        Kind,
        Queries,
        ValidationLoss,
        Losses.Aggregate((sum, loss) => sum + loss).Value,
        MetricScore.Of(Counts),
        Bootstrap.Interval(Counts, seed));

    public PairedDifference Minus(MeasuredRow control, ulong seed) => new(
        Name, control.Name, Bootstrap.Difference(Counts, control.Counts, seed), Bootstrap.Difference(Losses, control.Losses, seed));
}
