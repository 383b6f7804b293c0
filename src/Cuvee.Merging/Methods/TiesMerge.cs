using Cuvee.Merging.Sparsification;

namespace Cuvee.Merging.Methods;

/// <summary>
/// Trim, elect sign and merge: each task vector keeps its <c>density</c> largest magnitudes, then the entries vote (<see
/// cref="SignElection"/>). Trimmed per tensor as mergekit does, or over the whole vector as in the paper; an adapter's whole vector is as
/// long as the pool's modules together, zeros where it adapts nothing.
/// </summary>
public sealed class TiesMerge : IMergeMethod
{
    /// <summary>What is trimmed as one.</summary>
    internal const string WholeVector = "whole_vector";

    public string Name => "ties";

    public string Reference => "Yadav et al., arXiv 2306.01708";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new("density", 1, 0, 1, "Fraction of each task vector's entries that is kept, the largest magnitudes first."),
        MergeParameter.Lambda,
        new(WholeVector, 0, 0, 1, "What is trimmed as one: 1 the whole task vector, 0 each tensor.", Integral: true),
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight, MergeParameter.AdapterDensity];

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (densities, lambda, weights) = (arguments.OfAdapters("density"), arguments["lambda"], arguments.OfAdapters("weight"));
        var whole = arguments[WholeVector] == 1
            ? MagnitudeSelection.Thresholds(pool.Select(module => module.Deltas), densities)
            : null;
        return (taskVectors, merged) =>
        {
            var thresholds = whole ?? MagnitudeSelection.Thresholds([taskVectors.Deltas], densities);
            SignElection.Merge(taskVectors.Deltas, thresholds, weights, lambda, merged);
        };
    }
}
