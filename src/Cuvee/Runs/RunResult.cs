using Cuvee.Events;
using Cuvee.Formats.Safetensors;
using Cuvee.Metrics;

namespace Cuvee.Runs;

/// <summary>How a run ended.</summary>
public sealed record RunResult
{
    public required string Out { get; init; }

    public required RunIdentity Identity { get; init; }

    /// <summary>What ships: the search's best, or the best single adapter where that won.</summary>
    public required MergeRecipe Recipe { get; init; }

    /// <summary>Of <see cref="Recipe"/> on all validation records, by the run's objective, without penalty.</summary>
    public required double ValidationLoss { get; init; }

    /// <summary>The same of the recipe where the search began.</summary>
    public required double StartLoss { get; init; }

    /// <summary>What the search and finding the best single adapter cost.</summary>
    public required RunSpending Spending { get; init; }

    /// <summary>What the metric of result and controls cost, beside the budget.</summary>
    public required RunSpending ControlSpending { get; init; }

    public required IReadOnlyList<StageOutcome> Stages { get; init; }

    /// <summary>Of the last stage; empty where its search has none.</summary>
    public IReadOnlyList<FrontPoint> Front => Stages[^1].Front;

    public required RunVerdict Verdict { get; init; }

    /// <summary>The best single adapter won, and the run file lets it ship.</summary>
    public required bool IsSingle { get; init; }

    public required IReadOnlyList<RunWarning> Warnings { get; init; }

    /// <summary>Of all processes that worked on this run.</summary>
    public required TimeSpan WallTime { get; init; }

    /// <summary>Null where the provider has no weights: the result is the recipe.</summary>
    public WrittenModel? Written { get; init; }
}

/// <summary>What a run's result was held against before it shipped.</summary>
/// <param name="SingleWon">The best single adapter is better than the search's best, or is it.</param>
/// <param name="Single">By the run's objective.</param>
/// <param name="SingleByMetric">By the run's metric; null when the run names none, or the objective is the metric.</param>
/// <param name="Difference">The search's best minus the single adapter, objective on all validation records, 95% bootstrap
/// interval.</param>
/// <param name="SearchLoss">Of the search's best.</param>
/// <param name="Metric">The run's metric on validation records; null when none.</param>
/// <param name="Sentence">What won, by how much, how sure.</param>
public sealed record RunVerdict(
    bool SingleWon,
    SingleAdapter Single,
    SingleAdapter? SingleByMetric,
    ConfidenceInterval Difference,
    double SearchLoss,
    ValidationMetric? Metric,
    string Sentence);

/// <summary>The metric on all validation records, in [0, 1].</summary>
/// <param name="Search">Of the search's best.</param>
/// <param name="Start">Of the recipe where the search began.</param>
/// <param name="Single">The better of the two single adapters.</param>
public sealed record ValidationMetric(string Name, double Search, double Start, double Single);

/// <summary>What was written, and what it scores.</summary>
/// <param name="Rank">Of the adapter; null for a folded checkpoint.</param>
/// <param name="DroppedShare">Squared norm of the update that the rank left out, in [0, 1].</param>
/// <param name="ValidationLoss">Of the written files, measured; null where that cannot be.</param>
/// <param name="ExactLoss">Of the merge as it was searched, before ranks are cut and numbers rounded.</param>
public sealed record WrittenModel(
    string Format, TensorType Type, int? Rank, double DroppedShare, double? ValidationLoss, double ExactLoss);

/// <param name="Results">Main search first, then the comparison searches.</param>
/// <param name="Table">Null without a <c>compare</c> section.</param>
public sealed record MergeReport(IReadOnlyList<RunResult> Results, Reporting.ComparisonTable? Table);
