using Cuvee.Numerics;

namespace Cuvee.Merging.Sparsification;

/// <summary>
/// S(A, a) of Evo-Merging (arXiv 2509.12951): keeps the round(a * count) entries of largest magnitude of one tensor, at least one if a &gt;
/// 0. The magnitudes are ordered once, on first need; afterwards a keep fraction costs one look-up. Thread-safe.
/// </summary>
public sealed class MagnitudeSparsifier(StoredMatrix values)
{
    private readonly long count = values.Count;
    private OrderedMagnitudes? ordered;

    /// <summary>
    /// Entries that <paramref name="keepFraction"/> asks for; <c>round</c> is half to even. Ties at the threshold may keep more.
    /// </summary>
    public static long KeptCount(long count, double keepFraction)
    {
        if (!(keepFraction is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(keepFraction), keepFraction, "A keep fraction lies in [0, 1].");
        }

        if (keepFraction == 0 || count == 0) return 0;
        return Math.Clamp((long)Math.Round(keepFraction * count, MidpointRounding.ToEven), 1, count);
    }

    /// <summary>
    /// The smallest magnitude that stays: entries with |x| &gt;= threshold are kept. 0 keeps all of them, positive infinity none.
    /// </summary>
    /// <param name="keepFraction">The paper's alpha, in [0, 1].</param>
    public float Threshold(double keepFraction)
    {
        var kept = KeptCount(count, keepFraction);
        if (kept == 0) return float.PositiveInfinity;
        if (kept == count) return 0;
        var known = Volatile.Read(ref ordered);
        if (known is null)
        {
            known = OrderedMagnitudes.Of(values);
            known = Interlocked.CompareExchange(ref ordered, known, null) ?? known;
        }

        return known.AtRank(count - kept);
    }

    /// <summary>
    /// Distinct magnitudes, rising, and how many entries lie below each: 16-bit tensors have a few thousand at most, whatever their size.
    /// A guide leads from a rank to its neighbourhood: a search through all of them, a miss of the caches at each step, would take longer
    /// than the sums that the threshold is for.
    /// </summary>
    private sealed class OrderedMagnitudes
    {
        private const int Guides = 256;

        private readonly (int Below, float Magnitude)[] steps;
        private readonly int[] guide; // [Guides + 1]: the step that holds the first rank of each part
        private readonly long count;

        private OrderedMagnitudes((int Below, float Magnitude)[] steps, int count)
        {
            (this.steps, this.count) = (steps, count);
            guide = new int[Guides + 1];
            for (int part = 0, step = 0; part <= Guides; part++)
            {
                while (step + 1 < steps.Length && steps[step + 1].Below <= FirstRank(part)) step++;
                guide[part] = step;
            }
        }

        public static OrderedMagnitudes Of(StoredMatrix values)
        {
            var all = values.ToSingles();
            foreach (ref var value in all.AsSpan()) value = Math.Abs(value);
            Array.Sort(all);
            var steps = new List<(int, float)>();
            for (var i = 0; i < all.Length; i++)
                if (i == 0 || all[i] != all[i - 1]) steps.Add((i, all[i]));
            return new OrderedMagnitudes([.. steps], all.Length);
        }

        /// <summary>The entry at 0-based <paramref name="rank"/> from the smallest.</summary>
        public float AtRank(long rank)
        {
            var part = (int)(rank * Guides / count);
            var (low, high) = (guide[part], guide[part + 1]);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (steps[middle].Below <= rank) low = middle;
                else high = middle - 1;
            }

            return steps[low].Magnitude;
        }

        // ceil(part * count / Guides): the first rank r with r * Guides / count = part.
        private long FirstRank(int part) => ((part * count) + Guides - 1) / Guides;
    }
}
