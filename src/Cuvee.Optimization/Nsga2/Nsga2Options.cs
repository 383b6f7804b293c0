namespace Cuvee.Optimization.Nsga2;

/// <summary>Settings of <see cref="Nsga2Optimizer"/>; defaults are the paper's.</summary>
public sealed record Nsga2Options
{
    /// <summary>Where points lie. Required.</summary>
    public required BoxBounds Bounds { get; init; }

    /// <summary>Points that live from one generation to the next, and children a generation; at least 4. Default 100.</summary>
    public int PopulationSize { get; init; } = 100;

    public Variation Variation { get; init; } = new();

    /// <summary>Record indices that every trial is measured on, so that parents and children compare; null: who asks decides.</summary>
    public IReadOnlyList<int>? Records { get; init; }

    public ulong Seed { get; init; } = 42;
}
