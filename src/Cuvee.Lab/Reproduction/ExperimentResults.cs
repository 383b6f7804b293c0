using Cuvee.Metrics;

namespace Cuvee.Lab.Reproduction;

/// <summary>All numbers of an experiment: what <see cref="ResultsJson"/> writes, and all that a page is rendered from.</summary>
internal sealed record ExperimentResults
{
    public required string Experiment { get; init; }

    public required string Title { get; init; }

    public required string Protocol { get; init; }

    public required bool Quick { get; init; }

    public required string Metric { get; init; }

    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>Of each target.</summary>
    public required int ValidationRecords { get; init; }

    /// <summary>Adapters of the zoo.</summary>
    public required int ZooAdapters { get; init; }

    public required string? Axis { get; init; }

    /// <summary>Key of the row that the others are compared with.</summary>
    public required string MainRow { get; init; }

    /// <summary>In the order of the tables.</summary>
    public required IReadOnlyList<RowDescription> Rows { get; init; }

    /// <summary>What the page must say about its rows, and which targets had to be left out, one sentence each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Rows that are not measured as a whole yet, with how far they are.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Claims about those rows.</summary>
    public int ClaimsLeftOut { get; init; }

    public required IReadOnlyList<PointResults> Points { get; init; }

    public required IReadOnlyList<ClaimResult> Claims { get; init; }
}

/// <param name="Kind">search, baseline, control or reference.</param>
/// <param name="Settings">What decides the row beside case and seed.</param>
internal sealed record RowDescription(string Key, string Name, string Kind, string Settings);

/// <summary>One setting of what the experiment varies.</summary>
/// <param name="Label">Empty where nothing is varied.</param>
/// <param name="Average">Rows over all targets, each target counting the same.</param>
internal sealed record PointResults(string Label, IReadOnlyList<RowSummary> Average, IReadOnlyList<TargetResults> Targets);

/// <param name="PoolSize">Adapters that the searches chose from.</param>
/// <param name="CutRecords">Test records whose answer is longer than what is generated.</param>
internal sealed record TargetResults(
    string Target, int PoolSize, int ValidationRecords, int TestRecords, int CutRecords, IReadOnlyList<RowSummary> Rows,
    IReadOnlyList<SeedResult> Seeds);

/// <summary>A row over seeds and test records; queries, tokens, losses and scores are means.</summary>
/// <param name="Row">Its key.</param>
/// <param name="Targets">Targets that have it.</param>
/// <param name="TestLoss">Nats per answer token.</param>
/// <param name="Score">Of the metric, in [0, 1].</param>
/// <param name="LossDifference">To the main row on the targets that both have; null for the main row and where no target has both.</param>
internal sealed record RowSummary(
    string Row, int Targets, double Queries, double Tokens, double ValidationLoss, ConfidenceInterval TestLoss, double Precision,
    double Recall, ConfidenceInterval Score, ConfidenceInterval? LossDifference, ConfidenceInterval? ScoreDifference);

/// <summary>A row of one seed on one target.</summary>
/// <param name="Name">With what the run chose.</param>
internal sealed record SeedResult(
    string Row, ulong Seed, string Name, long Queries, long Tokens, double ValidationLoss, double TestLoss, double Precision,
    double Recall, double Score);

/// <summary>A claim at one point, or across two.</summary>
/// <param name="SecondPoint">Of the second row, where it is another one than the first row's.</param>
/// <param name="Score">First minus second, averaged over the targets that have both, 95% interval.</param>
/// <param name="Verdict">holds, is reversed or is undecided, by <paramref name="Score"/>.</param>
internal sealed record ClaimResult(
    string First, string Second, string Source, string Point, string? SecondPoint, ConfidenceInterval Score,
    ConfidenceInterval TestLoss, string Verdict)
{
    public const string Holds = "holds";
    public const string Reversed = "is reversed";
    public const string Undecided = "is undecided";

    public static string VerdictOf(ConfidenceInterval score) => score.Lower > 0 ? Holds : score.Upper < 0 ? Reversed : Undecided;
}
