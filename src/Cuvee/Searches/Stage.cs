using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// One optimisation inside a search. Evo-Merging is two of them: what the first finds is where the second starts. Everything inside a stage
/// is decided by its own objective, loss plus penalty; across stages only losses compare, because penalties measure different things.
/// </summary>
public sealed record Stage
{
    public required string Name { get; init; }

    /// <summary>The space around the recipe that the stage starts from.</summary>
    public required Func<MergeRecipe, ISearchSpace> SpaceAround { get; init; }

    /// <summary>The optimiser of a space, given how many records it may name in its trials.</summary>
    public required Func<ISearchSpace, int, IOptimizer> OptimizerOf { get; init; }

    /// <summary>The start is a candidate like any other; false where it is measured for comparison alone, because the result must come
    /// from the optimiser.</summary>
    public bool StartMayWin { get; init; } = true;

    /// <summary>The paper's lambda1 or lambda2: weight of mean |x| of the genotype beside the loss; 0 or more.</summary>
    public double PenaltyStrength { get; init; }

    /// <summary>Records of a generation's common sample; trials that name their own records ignore it.</summary>
    public required int SampleSize { get; init; }

    /// <summary>The optimiser reads the log-probability of every token, so the journal must hold it.</summary>
    public bool ReadsTokenLogProbabilities { get; init; }

    /// <summary>Points of an <see cref="IParetoOptimizer"/>'s front, at most, that are measured again by every objective on all validation
    /// records when the stage ends; what that takes is kept back. 0: no front is told.</summary>
    public int FrontSize { get; init; }

    /// <summary>Candidates at most, rounded down to whole generations; null leaves it to the budget.</summary>
    public int? MaxEvaluations { get; init; }

    /// <summary>The stage ends when this part of the stages' budget is spent, in (0, 1]; the last stage's is 1.</summary>
    public double BudgetShare { get; init; } = 1;

    /// <summary>Iterations from one held-out check to the next.</summary>
    public int CheckEvery { get; init; } = 1;

    /// <summary>Checks in a row without a better held-out objective that end the stage.</summary>
    public int Patience { get; init; } = int.MaxValue;

    /// <summary>lambda times the mean |x| of <paramref name="point"/>.</summary>
    public double Penalty(IReadOnlyList<double> point) => PenaltyStrength == 0 ? 0 : PenaltyStrength * point.Average(Math.Abs);
}
