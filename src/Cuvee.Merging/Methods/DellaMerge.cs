namespace Cuvee.Merging.Methods;

/// <summary>
/// Drop, elect and fuse by sampling on magnitude: in every row of a task vector the keep probability rises linearly with the rank of the
/// magnitude, from density - epsilon to density + epsilon (MagPrune); kept entries are divided by it, then vote (<see
/// cref="SignElection"/>). Where density +- epsilon leaves [0, 1], epsilon counts only as far as it fits, so that the mean keep probability
/// is the density and a density of 1 keeps everything (mergekit refuses such values).
/// </summary>
public sealed class DellaMerge : IMergeMethod
{
    public string Name => "della";

    public string Reference => "Deep et al., arXiv 2406.11617";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new("density", 1, 0, 1, "Mean probability with which an entry of a task vector is kept."),
        new("epsilon", 0.15, 0, 0.5, "How far the probability of a row's largest entry lies above the density, its smallest one's below."),
        MergeParameter.Lambda,
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight, MergeParameter.AdapterDensity];

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (densities, epsilon, lambda, weights) =
            (arguments.OfAdapters("density"), arguments["epsilon"], arguments["lambda"], arguments.OfAdapters("weight"));
        var everything = new float[weights.Length]; // thresholds: what was dropped is zero already
        return (taskVectors, merged) =>
        {
            var kept = new ReadOnlyMemory<float>[weights.Length];
            for (var i = 0; i < kept.Length; i++)
            {
                var values = new float[merged.Length];
                RankedDrop.Apply(taskVectors, i, arguments, densities[i], epsilon, values);
                kept[i] = values;
            }

            SignElection.Merge(kept, everything, weights, lambda, merged);
        };
    }
}
