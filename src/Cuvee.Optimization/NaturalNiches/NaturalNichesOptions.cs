namespace Cuvee.Optimization.NaturalNiches;

/// <summary>Settings of <see cref="NaturalNichesOptimizer"/>; defaults are the authors'.</summary>
public sealed record NaturalNichesOptions
{
    /// <summary>P, models that live at a time; at least 2. Default 20.</summary>
    public int ArchiveSize { get; init; } = 20;

    /// <summary>Exponent of the competition for a data point, in [0, 10]; 0 gives a plain genetic algorithm. Default 1.</summary>
    public double CompetitionExponent { get; init; } = 1;

    /// <summary>The second parent is drawn by what the first lacks; false: by fitness, as the first. Default true.</summary>
    public bool Attraction { get; init; } = true;

    public Variation Variation { get; init; } = new();

    /// <summary>Children asked at once, all of the same archive; at least 1. Default 1: steady state as published.</summary>
    public int InFlight { get; init; } = 1;

    /// <summary>Record indices that every trial is measured on, so that scores of all times compare; at least one.</summary>
    public required IReadOnlyList<int> Records { get; init; }

    /// <summary>Which of many starts the archive begins with; null: all of them.</summary>
    public Screening? Screening { get; init; }

    /// <summary>Score, 0 or more, of a record's loss. Default 1 - loss, no less than 0: one minus an error rate.</summary>
    public Func<double, double> Score { get; init; } = loss => Math.Max(0, 1 - loss);

    public ulong Seed { get; init; } = 42;
}

/// <summary>All starts on a few records; the best ones, in their order, begin. Left out where no more than those are given.</summary>
/// <param name="Records">Record indices, at least one.</param>
/// <param name="Keep">Starts that begin, at least 1; equal ones in the order given.</param>
public sealed record Screening(IReadOnlyList<int> Records, int Keep);
