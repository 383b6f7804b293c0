using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>DARE, then the weighted sum: lambda times the sum of the task vectors with entries dropped at random and the rest
/// rescaled.</summary>
public sealed class DareLinear : IMergeMethod
{
    public string Name => "dare-linear";

    public string Reference => "Yu et al., arXiv 2311.03099";

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
        return (taskVectors, merged) =>
        {
            merged.Clear();
            var kept = new float[merged.Length];
            for (var i = 0; i < weights.Length; i++)
            {
                RandomDrop.Apply(taskVectors, i, arguments, densities[i], kept);
                FloatVectors.AddScaled((float)(lambda * weights[i]), kept, merged);
            }
        };
    }
}
