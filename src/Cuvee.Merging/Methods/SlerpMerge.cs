namespace Cuvee.Merging.Methods;

/// <summary>
/// Spherical interpolation of two task vectors: <c>(sin((1-t) theta) x + sin(t theta) y) / sin theta</c>. The angle is that of each tensor,
/// as in mergekit; linear where the tensors are nearly parallel (|cos theta| &gt; 0.9995) or one of them is zero. More than two are folded
/// pairwise in the order of the recipe: ((1, 2), 3), each time with the same t.
/// </summary>
public sealed class SlerpMerge : IMergeMethod
{
    private const double NearlyParallel = 0.9995; // as a cosine

    public string Name => "slerp";

    public string Reference => "Shoemake, SIGGRAPH 1985; for model merging Goddard et al., arXiv 2403.13257";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("t", 0.5, 0, 1, "Where between the two task vectors: 0 is the first, 1 the second.")];

    public IReadOnlyList<MergeParameter> AdapterParameters => [];

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var t = arguments["t"];
        return (taskVectors, merged) =>
        {
            taskVectors.Deltas[0].Span.CopyTo(merged);
            foreach (var next in taskVectors.Deltas.Skip(1)) Interpolate(merged, next.Span, t);
        };
    }

    /// <summary>What is taken of each of two vectors with that cosine.</summary>
    internal static (double First, double Second) Shares(double cosine, double t)
    {
        if (!(Math.Abs(cosine) <= NearlyParallel)) return (1 - t, t);
        var theta = Math.Acos(cosine);
        return (Math.Sin((1 - t) * theta) / Math.Sin(theta), Math.Sin(t * theta) / Math.Sin(theta));
    }

    // x = slerp(x, y, t), sums in double.
    private static void Interpolate(Span<float> x, ReadOnlySpan<float> y, double t)
    {
        double xx = 0, yy = 0, xy = 0;
        for (var i = 0; i < x.Length; i++)
        {
            xx += (double)x[i] * x[i];
            yy += (double)y[i] * y[i];
            xy += (double)x[i] * y[i];
        }

        var (first, second) = Shares(xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : 1, t);
        for (var i = 0; i < x.Length; i++) x[i] = (float)((first * x[i]) + (second * y[i]));
    }
}
