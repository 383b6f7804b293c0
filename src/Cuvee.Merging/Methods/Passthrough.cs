namespace Cuvee.Merging.Methods;

/// <summary>One model's tensor as it is, times <c>scale</c>: what layers are stacked with.</summary>
internal sealed class Passthrough : IMergeMethod
{
    public string Name => "passthrough";

    public string Reference => "Goddard et al., arXiv 2403.13257";

    public IReadOnlyList<MergeParameter> Parameters => [];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [new("scale", 1, -1000, 1000, "Factor of the tensor.")];

    public bool AllowsPieces => true;

    /// <exception cref="ArgumentException">More than one model.</exception>
    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Adapters != 1) throw new ArgumentException($"passthrough takes one model, not {arguments.Adapters}.");
        var scale = (float)arguments[0, "scale"];
        return (piece, merged) =>
        {
            var source = piece.Deltas[0].Span;
            for (var i = 0; i < merged.Length; i++) merged[i] = scale * source[i];
        };
    }
}
