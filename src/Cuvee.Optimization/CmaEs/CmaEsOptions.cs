namespace Cuvee.Optimization.CmaEs;

/// <summary>What a user may set; everything else follows from it (<see cref="CmaEsParameters"/>).</summary>
public sealed record CmaEsOptions
{
    /// <summary>sigma0, the first standard deviation of every coordinate, in units of the search space; above 0. Default 0.3.</summary>
    public double InitialStepSize { get; init; } = 0.3;

    /// <summary>lambda, candidates a generation; at least 4. Default null: 4 + floor(3 ln N).</summary>
    public int? PopulationSize { get; init; }

    /// <summary>Negative recombination weights for the worse half. Default true.</summary>
    public bool ActiveUpdate { get; init; } = true;

    /// <summary>
    /// Diagonal covariance only (Ros and Hansen 2008): linear time and memory, faster learning, no correlations; for N well above 100.
    /// Default false.
    /// </summary>
    public bool Separable { get; init; }

    /// <summary>Every asked and recommended point lies inside. Default null: unbounded.</summary>
    public BoxBounds? Bounds { get; init; }

    public ulong Seed { get; init; } = 42;

    public CmaEsTolerances Tolerances { get; init; } = new();
}
