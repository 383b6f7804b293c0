using Cuvee.Numerics;

namespace Cuvee.Optimization.NaturalNiches;

/// <summary>Draws in proportion to values of 0 or more.</summary>
internal static class Roulette
{
    /// <returns>An index; each as likely as any other where all values are 0.</returns>
    public static int Draw(IReadOnlyList<double> values, SeededRandom random)
    {
        var total = values.Sum();
        if (total == 0) return random.NextInt32(values.Count);
        var left = random.NextDouble() * total;
        var last = 0;
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] == 0) continue;
            last = i;
            left -= values[i];
            if (left < 0) break;
        }

        return last; // rounding can leave a rest behind the last value
    }
}
