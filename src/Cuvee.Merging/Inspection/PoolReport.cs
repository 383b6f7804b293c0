namespace Cuvee.Merging.Inspection;

/// <summary>What is in a pool. The order of adapters is the pool's; matrices are symmetric [adapters][adapters].</summary>
public sealed record PoolReport
{
    public required IReadOnlyList<AdapterInspection> Adapters { get; init; }

    public required PoolSummary Summary { get; init; }

    /// <summary>
    /// Cosine of two updates over all modules, a missing module counted as zero, in [-1, 1]; 0 where an update is zero.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> CosineSimilarity { get; init; }

    /// <summary>
    /// Share of the entries changed by both adapters in which their signs disagree, in [0, 1]; near 0.5 for unrelated adapters.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> SignConflict { get; init; }

    /// <summary>Entries of the updates that the sign conflict was counted on, and how many there are.</summary>
    public required (long Counted, long Total) SignEntries { get; init; }

    /// <summary>Adapters that resemble each other, the largest group first; those that resemble none are in no group.</summary>
    public required IReadOnlyList<AdapterGroup> Groups { get; init; }

    /// <summary>Pairs with a cosine above 0.98, the most alike first.</summary>
    public required IReadOnlyList<NearDuplicate> NearDuplicates { get; init; }

    /// <summary>Norms far from the others', the farthest first.</summary>
    public required IReadOnlyList<NormOutlier> Outliers { get; init; }

    /// <summary>Sentences for people, the gravest first; empty when nothing is wrong.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}

/// <summary>Adapters joined by average linkage of their cosines.</summary>
/// <param name="Name">What their names have in common and not all of the pool's have, else a number; no two groups share one.</param>
/// <param name="Members">Positions in the pool, rising; at least two.</param>
/// <param name="MeanCosine">Over the pairs of the group.</param>
public sealed record AdapterGroup(string Name, IReadOnlyList<int> Members, double MeanCosine);

/// <summary>Two adapters that are nearly the same update.</summary>
/// <param name="First">Position in the pool.</param>
/// <param name="Second">Position in the pool, behind the first.</param>
public sealed record NearDuplicate(int First, int Second, double Cosine);

/// <summary>An adapter whose norm is far from the others'.</summary>
/// <param name="Adapter">Position in the pool.</param>
/// <param name="Ratio">To the pool's median norm.</param>
public sealed record NormOutlier(int Adapter, double Ratio);
