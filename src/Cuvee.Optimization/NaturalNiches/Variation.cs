using Cuvee.Numerics;

namespace Cuvee.Optimization.NaturalNiches;

/// <summary>How two parents make a child (arXiv 2508.16204, section 3): split point and SLERP, then mutation. Immutable.</summary>
public sealed record Variation
{
    private const double SmallestSine = 1e-6; // below it the great circle is a line in double precision

    /// <summary>False: the child is the first parent, mutated. Default true.</summary>
    public bool Crossover { get; init; } = true;

    /// <summary>False: one mixing weight for the whole vector. Default true.</summary>
    public bool SplitPoint { get; init; } = true;

    /// <summary>Coordinates that a split point never parts, such as a layer's; divides their number. Default 1.</summary>
    public int SplitUnit { get; init; } = 1;

    /// <summary>Standard deviation of the Gaussian added to every coordinate, 0 or more; 0 adds nothing. Default 0.</summary>
    public double MutationStepSize { get; init; }

    /// <summary>Children are clipped to it. Default null: unbounded.</summary>
    public BoxBounds? Bounds { get; init; }

    /// <exception cref="ArgumentException">A step size below 0, no way to differ from a parent, or bounds of another dimension.</exception>
    internal void Require(int dimension)
    {
        if (!(MutationStepSize >= 0 && double.IsFinite(MutationStepSize)))
            throw new ArgumentException($"MutationStepSize is {MutationStepSize}; give 0 or more.");
        if (!Crossover && MutationStepSize == 0)
            throw new ArgumentException("Without crossover and mutation every child is its parent; allow one of them.");
        if (SplitUnit < 1 || dimension % SplitUnit != 0)
            throw new ArgumentException($"SplitUnit is {SplitUnit}, which does not divide the {dimension} coordinates; give a divisor.");
        if (Bounds is { } box && box.Dimension != dimension)
            throw new ArgumentException($"The bounds have {box.Dimension} coordinates and the points {dimension}; give the same number.");
    }

    internal double[] Child(double[] first, double[] second, SeededRandom random)
    {
        var child = (double[])first.Clone();
        if (Crossover)
        {
            var split = SplitPoint ? SplitUnit * random.NextInt32(first.Length / SplitUnit) : first.Length;
            child = Slerp(first, second, random.NextDouble(), split);
        }

        if (MutationStepSize > 0)
        {
            for (var i = 0; i < child.Length; i++) child[i] += MutationStepSize * random.NextGaussian();
        }

        Bounds?.Clip(child);
        return child;
    }

    /// <summary>
    /// Spherical interpolation by one angle, that of the whole vectors: weight <paramref name="mixing"/> of <paramref name="second"/>
    /// before coordinate <paramref name="split"/>, 1 - mixing from there on. A straight line where the sine of the angle is at most 1e-6 or
    /// a vector is zero.
    /// </summary>
    /// <param name="first">[N]</param>
    /// <param name="second">[N]</param>
    /// <param name="mixing">In [0, 1].</param>
    /// <param name="split">In [0, N].</param>
    /// <returns>[N]</returns>
    public static double[] Slerp(ReadOnlySpan<double> first, ReadOnlySpan<double> second, double mixing, int split)
    {
        double dot = 0, firstSquare = 0, secondSquare = 0;
        for (var i = 0; i < first.Length; i++)
        {
            dot += first[i] * second[i];
            firstSquare += first[i] * first[i];
            secondSquare += second[i] * second[i];
        }

        var norms = Math.Sqrt(firstSquare) * Math.Sqrt(secondSquare);
        var angle = norms == 0 ? 0 : Math.Acos(Math.Clamp(dot / norms, -1, 1));
        var (before, after) = (Shares(angle, mixing), Shares(angle, 1 - mixing));
        var child = new double[first.Length];
        for (var i = 0; i < child.Length; i++)
        {
            var (a, b) = i < split ? before : after;
            child[i] = (a * first[i]) + (b * second[i]);
        }

        return child;
    }

    private static (double First, double Second) Shares(double angle, double mixing)
    {
        var sine = Math.Sin(angle);
        return sine <= SmallestSine
            ? (1 - mixing, mixing)
            : (Math.Sin((1 - mixing) * angle) / sine, Math.Sin(mixing * angle) / sine);
    }
}
