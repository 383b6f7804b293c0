using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>One model of a run's table, record by record, so that it can be compared with any other measured on the same records.</summary>
/// <param name="Key">
/// The same in every run of a run file, where <paramref name="Name"/> may hold what a run chose: one of <see cref="RowKeys"/>, or a
/// search's title.
/// </param>
/// <param name="Queries">Validation queries that finding it cost; measuring it on validation and test is not counted.</param>
public sealed record MeasuredRow(string Key, string Name, RowKind Kind, long Queries)
{
    /// <summary>Nats per answer token.</summary>
    public required double ValidationLoss { get; init; }

    /// <summary>The metric on the validation records, in [0, 1]; null where it was not measured.</summary>
    public double? ValidationScore { get; init; }

    /// <summary>[test records], negative log-probability in nats over scored tokens.</summary>
    public required IReadOnlyList<Ratio> Losses { get; init; }

    /// <summary>[test records]</summary>
    public required IReadOnlyList<MetricCounts> Counts { get; init; }

    /// <summary>Nats per answer token on the test records.</summary>
    public double TestLoss => Losses.Aggregate(default(Ratio), (sum, loss) => sum + loss).Value;

    /// <summary>The metric on the test records.</summary>
    public MetricScore Score => MetricScore.Of(Counts);
}

/// <summary>Keys of the controls.</summary>
public static class RowKeys
{
    public const string Base = "base";
    public const string Uniform = "uniform";
    public const string BestSingle = "best-single";
    public const string RandomWeights = "random-weights";
    public const string RandomAdapters = "random-adapters";
    public const string FewShot = "few-shot";
}
