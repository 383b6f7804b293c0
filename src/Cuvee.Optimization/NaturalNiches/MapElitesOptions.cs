namespace Cuvee.Optimization.NaturalNiches;

/// <summary>Settings of <see cref="MapElitesOptimizer"/>.</summary>
public sealed record MapElitesOptions
{
    /// <summary>Group of each record, 0 to groups - 1, every group used: one axis of the map is the mean score over one group.</summary>
    public required IReadOnlyList<int> Groups { get; init; }

    /// <summary>Cells along an axis, at least 1. Default 10.</summary>
    public int Bins { get; init; } = 10;

    public Variation Variation { get; init; } = new();

    /// <summary>Children asked at once, all of the same map; at least 1. Default 1.</summary>
    public int InFlight { get; init; } = 1;

    /// <summary>Record indices that every trial is measured on, in the order of <see cref="Groups"/>.</summary>
    public required IReadOnlyList<int> Records { get; init; }

    /// <summary>Score, in [0, 1], of a record's loss. Default 1 - loss, no less than 0.</summary>
    public Func<double, double> Score { get; init; } = loss => Math.Max(0, 1 - loss);

    public ulong Seed { get; init; } = 42;
}
