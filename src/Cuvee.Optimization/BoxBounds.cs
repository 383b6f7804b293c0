namespace Cuvee.Optimization;

/// <summary>Finite box constraints: every coordinate i of a point lies in [<see cref="Lower"/>[i], <see cref="Upper"/>[i]].</summary>
public sealed class BoxBounds
{
    /// <exception cref="ArgumentException">Lengths differ, a bound is not finite, or a lower bound is not below its upper
    /// bound.</exception>
    public BoxBounds(IReadOnlyList<double> lower, IReadOnlyList<double> upper)
    {
        if (lower.Count != upper.Count)
            throw new ArgumentException(
                $"Bounds have {lower.Count} lower and {upper.Count} upper values; give one of each per coordinate.");
        for (var i = 0; i < lower.Count; i++)
        {
            if (!double.IsFinite(lower[i]) || !double.IsFinite(upper[i]) || lower[i] >= upper[i])
                throw new ArgumentException(
                    $"Bounds of coordinate {i} are [{lower[i]}, {upper[i]}]; give finite values, the lower one first.");
        }

        Lower = [.. lower];
        Upper = [.. upper];
    }

    public IReadOnlyList<double> Lower { get; } // [Dimension]

    public IReadOnlyList<double> Upper { get; } // [Dimension]

    public int Dimension => Lower.Count;

    /// <summary>The same interval for every coordinate.</summary>
    public static BoxBounds Uniform(int dimension, double lower, double upper) =>
        new(Enumerable.Repeat(lower, dimension).ToArray(), Enumerable.Repeat(upper, dimension).ToArray());

    /// <summary>Moves every coordinate outside its interval to the nearer bound, in place.</summary>
    public void Clip(Span<double> point)
    {
        for (var i = 0; i < point.Length; i++) point[i] = Math.Clamp(point[i], Lower[i], Upper[i]);
    }

    internal void RequireStart(IReadOnlyList<double> start)
    {
        if (start.Count != Dimension)
            throw new ArgumentException($"The start has {start.Count} coordinates and the bounds have {Dimension}; give the same number.");
        for (var i = 0; i < start.Count; i++)
        {
            if (!(start[i] >= Lower[i] && start[i] <= Upper[i]))
                throw new ArgumentException(
                    $"Start coordinate {i} is {start[i]}, outside its bounds [{Lower[i]}, {Upper[i]}]; move it inside.");
        }
    }
}
