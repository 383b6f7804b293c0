namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// Smooth periodic map from the whole real line into [lower, upper], coordinate by coordinate: CMA-ES samples freely on the line and every
/// sample lands inside. The identity on [lower + m, upper - m] with margin m = (upper - lower) / 20; within 2 m of an end a parabola with
/// the
/// matching slope whose vertex, at distance m outside, maps onto the bound; mirrored beyond the vertex. The slope lies in [-1, 1] and is
/// continuous, so no sample density piles up without limit elsewhere than on the bound itself.
/// </summary>
public sealed class BoxTransform
{
    private const double MarginFraction = 0.05;

    private readonly BoxBounds bounds;

    public BoxTransform(BoxBounds bounds) => this.bounds = bounds;

    /// <summary>The point inside the box that belongs to an unbounded one.</summary>
    public void ToBounded(ReadOnlySpan<double> unbounded, Span<double> bounded) // [N] -> [N]
    {
        for (var i = 0; i < unbounded.Length; i++) bounded[i] = ToBounded(unbounded[i], bounds.Lower[i], bounds.Upper[i]);
    }

    /// <summary>
    /// The pre-image nearest to the box; inverse of <see cref="ToBounded(ReadOnlySpan{double}, Span{double})"/> on the box.
    /// </summary>
    public void ToUnbounded(ReadOnlySpan<double> bounded, Span<double> unbounded) // [N] -> [N]
    {
        for (var i = 0; i < bounded.Length; i++) unbounded[i] = ToUnbounded(bounded[i], bounds.Lower[i], bounds.Upper[i]);
    }

    private static double ToBounded(double u, double lower, double upper)
    {
        var margin = MarginFraction * (upper - lower);
        var first = lower - margin; // the two vertices; between them the map is one-to-one
        var span = upper + margin - first;
        var phase = (u - first) % (2 * span);
        if (phase < 0) phase += 2 * span;
        if (phase > span) phase = (2 * span) - phase;
        double x;
        if (phase < 2 * margin) x = lower + (phase * phase / (4 * margin));
        else if (span - phase < 2 * margin) x = upper - ((span - phase) * (span - phase) / (4 * margin));
        else x = u >= first && u <= first + span ? u : first + phase;
        return Math.Clamp(x, lower, upper); // rounding only
    }

    private static double ToUnbounded(double x, double lower, double upper)
    {
        var margin = MarginFraction * (upper - lower);
        if (x < lower + margin) return lower - margin + (2 * Math.Sqrt(margin * (x - lower)));
        if (x > upper - margin) return upper + margin - (2 * Math.Sqrt(margin * (upper - x)));
        return x;
    }
}
