namespace Cuvee.Optimization;

/// <summary>Settings of <see cref="RandomSearch"/>.</summary>
public sealed record RandomSearchOptions
{
    /// <summary>Where points are drawn. Required.</summary>
    public required BoxBounds Bounds { get; init; }

    /// <summary>
    /// Standard deviation around the start, above 0; coordinates drawn outside the box are drawn again. Default null: uniform in the box.
    /// </summary>
    public double? GaussianStepSize { get; init; }

    /// <summary>Points a generation, at least 1. Default 20.</summary>
    public int PopulationSize { get; init; } = 20;

    public ulong Seed { get; init; } = 42;
}
