namespace Cuvee.Merging.Methods;

/// <summary>
/// Spherical interpolation of two models' weights themselves, as mergekit has it: the angle is that of all that <see cref="Prepare"/> sees,
/// one tensor for a checkpoint; linear where they are nearly parallel, as <see cref="SlerpMerge"/> is. A vector shorter than 1e-8 counts as
/// orthogonal to every other.
/// </summary>
internal sealed class TensorSlerp : IMergeMethod
{
    private const double Shortest = 1e-8;

    public string Name => "slerp";

    public string Reference => "Shoemake, SIGGRAPH 1985; for model merging Goddard et al., arXiv 2403.13257";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("t", 0.5, -10, 10, "Where between the two models: 0 is the first, the base model, 1 the other.")];

    public IReadOnlyList<MergeParameter> AdapterParameters => [];

    public bool AllowsPieces => true;

    /// <exception cref="ArgumentException">Not two models.</exception>
    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Adapters != 2) throw new ArgumentException($"slerp merges two models, not {arguments.Adapters}.");
        var t = arguments["t"];
        double xx = 0, yy = 0, xy = 0;
        foreach (var piece in pool)
        {
            var x = piece.Deltas[0].Span;
            var y = piece.Deltas[1].Span;
            for (var i = 0; i < x.Length; i++)
            {
                xx += (double)x[i] * x[i];
                yy += (double)y[i] * y[i];
                xy += (double)x[i] * y[i];
            }
        }

        var (first, second) = SlerpMerge.Shares(xy / (Length(xx) * Length(yy)), t);
        return (piece, merged) =>
        {
            var x = piece.Deltas[0].Span;
            var y = piece.Deltas[1].Span;
            for (var i = 0; i < merged.Length; i++) merged[i] = (float)((first * x[i]) + (second * y[i]));
        };
    }

    private static double Length(double squares) => Math.Sqrt(squares) is > Shortest and var length ? length : 1;
}
