using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>lambda times the weighted sum of the task vectors.</summary>
public sealed class TaskArithmetic : IMergeMethod
{
    public string Name => "task-arithmetic";

    public string Reference => "Ilharco et al., arXiv 2212.04089";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [MergeParameter.Lambda with { Summary = "Scale of the summed task vectors; the paper tunes it on validation data in [0, 1]." }];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight];

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (lambda, weights) = (arguments["lambda"], arguments.OfAdapters("weight"));
        return (taskVectors, merged) =>
        {
            merged.Clear();
            for (var i = 0; i < weights.Length; i++)
                FloatVectors.AddScaled((float)(lambda * weights[i]), taskVectors.Deltas[i].Span, merged);
        };
    }
}
