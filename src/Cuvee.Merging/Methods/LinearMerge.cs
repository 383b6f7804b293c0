using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>
/// The weighted mean of the task vectors, "model soups" for models fine-tuned from one base: <c>sum w_i tau_i / sum w_i</c>. Weights that
/// sum to nothing (|sum| &lt; <see cref="LeastSum"/>) are used as they are; of a mergekit file they are refused.
/// </summary>
public sealed class LinearMerge : IMergeMethod
{
    /// <summary>A smaller sum of weights is none to divide by.</summary>
    public const double LeastSum = 1e-8;

    public LinearMerge()
        : this(MergeParameter.Weight)
    {
    }

    internal LinearMerge(MergeParameter weight) => AdapterParameters = [weight];

    public string Name => "linear";

    public string Reference => "Wortsman et al., arXiv 2203.05482";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("normalize", 1, 0, 1, "Whether the weights are divided by their sum: 1 for yes, 0 for no.", Integral: true)];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; }

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var weights = arguments.OfAdapters("weight");
        var sum = weights.Sum();
        var scale = arguments["normalize"] == 1 && Math.Abs(sum) >= LeastSum ? 1 / sum : 1;
        return (taskVectors, merged) =>
        {
            merged.Clear();
            for (var i = 0; i < weights.Length; i++)
                FloatVectors.AddScaled((float)(scale * weights[i]), taskVectors.Deltas[i].Span, merged);
        };
    }
}
