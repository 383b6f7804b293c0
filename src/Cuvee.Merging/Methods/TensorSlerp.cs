namespace Cuvee.Merging.Methods;

/// <summary>
/// Spherical interpolation of two models' weights themselves, as mergekit has it: the angle is that of all that <see cref="Prepare"/> sees,
/// one tensor for a checkpoint; linear where |cos| &gt; 0.9995. A vector shorter than 1e-8 counts as orthogonal to every other.
/// </summary>
internal sealed class TensorSlerp : IMergeMethod
{
    private const double NearlyParallel = 0.9995;
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

        var cosine = xy / (Length(xx) * Length(yy));
        var (first, second) = (1 - t, t);
        if (Math.Abs(cosine) <= NearlyParallel)
        {
            var theta = Math.Acos(cosine);
            (first, second) = (Math.Sin((1 - t) * theta) / Math.Sin(theta), Math.Sin(t * theta) / Math.Sin(theta));
        }

        return (piece, merged) =>
        {
            var x = piece.Deltas[0].Span;
            var y = piece.Deltas[1].Span;
            for (var i = 0; i < merged.Length; i++) merged[i] = (float)((first * x[i]) + (second * y[i]));
        };
    }

    private static double Length(double squares) => Math.Sqrt(squares) is > Shortest and var length ? length : 1;
}
