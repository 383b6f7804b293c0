using Cuvee.Merging;
using Cuvee.Objectives;
using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// One optimisation inside a search. Evo-Merging is two of them: what the first finds is where the second starts. Losses are compared
/// inside a stage only, because
/// penalties of different stages measure different things.
/// </summary>
public sealed record Stage
{
    public required string Name { get; init; }

    /// <summary>The space around the recipe that the stage starts from.</summary>
    public required Func<MergeRecipe, ISearchSpace> SpaceAround { get; init; }

    /// <summary>The optimiser of a space, given how many records it may name in its trials.</summary>
    public required Func<ISearchSpace, int, IOptimizer> OptimizerOf { get; init; }

    public required IObjective Objective { get; init; }

    /// <summary>Records of a generation's common sample; trials that name their own records ignore it.</summary>
    public required int SampleSize { get; init; }

    /// <summary>The optimiser reads the log-probability of every token, so the journal must hold it.</summary>
    public bool NeedsTokenLogProbabilities { get; init; }

    /// <summary>Candidates at most, rounded down to whole generations; null leaves it to the budget.</summary>
    public int? MaxEvaluations { get; init; }

    /// <summary>The stage ends when this part of the run's budget is spent, in (0, 1]; the last stage's is 1.</summary>
    public required double BudgetShare { get; init; }

    public required int CheckEvery { get; init; }

    public required int Patience { get; init; }
}
