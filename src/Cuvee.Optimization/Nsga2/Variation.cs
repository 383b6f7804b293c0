using Cuvee.Numerics;

namespace Cuvee.Optimization.Nsga2;

/// <summary>
/// Simulated binary crossover (Deb and Agrawal, Complex Systems 9, 1995) and polynomial mutation (Deb and Goyal, Computer Science and
/// Informatics 26, 1996), both with the densities cut at the bounds, as in the code of NSGA-II's authors. Immutable.
/// </summary>
public sealed record Variation
{
    private const double SmallestDifference = 1e-14; // of parents that can be crossed

    /// <summary>Part of the pairs that are crossed, in [0, 1]. Default 0.9.</summary>
    public double CrossoverProbability { get; init; } = 0.9;

    /// <summary>eta_c, 0 or more; the larger, the closer children are to their parents. Default 20.</summary>
    public double CrossoverIndex { get; init; } = 20;

    /// <summary>Of a coordinate, in [0, 1]. Default null: 1 / N.</summary>
    public double? MutationProbability { get; init; }

    /// <summary>eta_m, 0 or more; the larger, the smaller steps are. Default 20.</summary>
    public double MutationIndex { get; init; } = 20;

    /// <exception cref="ArgumentException">A probability outside [0, 1] or an index below 0.</exception>
    internal void Require()
    {
        foreach (var (name, value) in ((string, double?)[])
            [(nameof(CrossoverProbability), CrossoverProbability), (nameof(MutationProbability), MutationProbability)])
        {
            if (value is { } probability && !(probability is >= 0 and <= 1))
                throw new ArgumentException($"{name} is {probability}; give a number from 0 to 1.");
        }

        foreach (var (name, index) in ((string, double)[])
            [(nameof(CrossoverIndex), CrossoverIndex), (nameof(MutationIndex), MutationIndex)])
        {
            if (!(index >= 0 && double.IsFinite(index))) throw new ArgumentException($"{name} is {index}; give 0 or more.");
        }
    }

    /// <summary>Two children of two parents, [N] each, inside the bounds as these are.</summary>
    internal (double[] First, double[] Second) Children(double[] first, double[] second, BoxBounds bounds, SeededRandom random)
    {
        var children = Cross(first, second, bounds, random);
        Mutate(children.First, bounds, random);
        Mutate(children.Second, bounds, random);
        return children;
    }

    /// <summary>Each coordinate with probability 1/2, which of the two values goes to whom by chance, too.</summary>
    internal (double[] First, double[] Second) Cross(double[] first, double[] second, BoxBounds bounds, SeededRandom random)
    {
        var (one, other) = ((double[])first.Clone(), (double[])second.Clone());
        if (random.NextDouble() >= CrossoverProbability) return (one, other);
        for (var i = 0; i < one.Length; i++)
        {
            if (random.NextDouble() >= 0.5) continue;
            var (low, high) = (Math.Min(first[i], second[i]), Math.Max(first[i], second[i]));
            if (high - low <= SmallestDifference) continue;
            var (lower, upper) = (bounds.Lower[i], bounds.Upper[i]);
            var u = random.NextDouble();
            var below = ((low + high) - (Spread(u, 1 + (2 * (low - lower) / (high - low))) * (high - low))) / 2;
            var above = ((low + high) + (Spread(u, 1 + (2 * (upper - high) / (high - low))) * (high - low))) / 2;
            (below, above) = (Math.Clamp(below, lower, upper), Math.Clamp(above, lower, upper));
            (one[i], other[i]) = random.NextDouble() < 0.5 ? (above, below) : (below, above);
        }

        return (one, other);
    }

    internal void Mutate(double[] point, BoxBounds bounds, SeededRandom random)
    {
        var probability = MutationProbability ?? 1.0 / point.Length;
        for (var i = 0; i < point.Length; i++)
        {
            if (random.NextDouble() >= probability) continue;
            var (lower, range) = (bounds.Lower[i], bounds.Upper[i] - bounds.Lower[i]);
            point[i] = Math.Clamp(point[i] + (range * Step(random.NextDouble(), (point[i] - lower) / range)), lower, bounds.Upper[i]);
        }
    }

    /// <summary>beta_q: children's distance over parents', of density (eta_c + 1) / 2 beta^eta_c below 1, beta^-(eta_c + 2) above, cut at
    /// <paramref name="largest"/>.</summary>
    private double Spread(double u, double largest)
    {
        var alpha = 2 - Math.Pow(largest, -(CrossoverIndex + 1));
        return u <= 1 / alpha
            ? Math.Pow(u * alpha, 1 / (CrossoverIndex + 1))
            : Math.Pow(1 / (2 - (u * alpha)), 1 / (CrossoverIndex + 1));
    }

    /// <summary>delta_q, in units of the range, of a coordinate that stands at part <paramref name="place"/> of it.</summary>
    private double Step(double u, double place)
    {
        var power = MutationIndex + 1;
        return u <= 0.5
            ? Math.Pow((2 * u) + ((1 - (2 * u)) * Math.Pow(1 - place, power)), 1 / power) - 1
            : 1 - Math.Pow((2 * (1 - u)) + (2 * (u - 0.5) * Math.Pow(place, power)), 1 / power);
    }
}
