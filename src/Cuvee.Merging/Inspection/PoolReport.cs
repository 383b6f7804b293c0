namespace Cuvee.Merging.Inspection;

/// <summary>What is in a pool. The order of adapters is the pool's; matrices are symmetric [adapters][adapters].</summary>
public sealed record PoolReport
{
    public required IReadOnlyList<AdapterInspection> Adapters { get; init; }

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

    /// <summary>Sentences for people, the gravest first; empty when nothing is wrong.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}
