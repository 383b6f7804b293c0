namespace Cuvee.Merging.Methods;

/// <summary>DARE, then the sign election and the mean of TIES (<see cref="SignElection"/>).</summary>
public sealed class DareTies : IMergeMethod
{
    public string Name => "dare-ties";

    public string Reference => "Yu et al., arXiv 2311.03099; Yadav et al., arXiv 2306.01708";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new("density", 1, 0, 1, "Probability with which an entry of a task vector is kept."),
        MergeParameter.Lambda,
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight, MergeParameter.AdapterDensity];

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (densities, lambda, weights) = (arguments.OfAdapters("density"), arguments["lambda"], arguments.OfAdapters("weight"));
        var everything = new float[weights.Length]; // thresholds: what was dropped is zero already
        return (taskVectors, merged) =>
        {
            var kept = new ReadOnlyMemory<float>[weights.Length];
            for (var i = 0; i < kept.Length; i++)
            {
                var values = new float[merged.Length];
                RandomDrop.Apply(taskVectors, i, arguments, densities[i], values);
                kept[i] = values;
            }

            SignElection.Merge(kept, everything, weights, lambda, merged);
        };
    }
}
