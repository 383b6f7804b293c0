using Cuvee.Numerics;

namespace Cuvee.Merging.Sparsification;

/// <summary>
/// S(A, a) of Evo-Merging (arXiv 2509.12951): keeps the round(a * count) entries of largest magnitude of one tensor, at least one if a &gt;
/// 0. The magnitudes are ordered once, on first need; afterwards a keep fraction costs one look-up. Thread-safe.
/// </summary>
public sealed class MagnitudeSparsifier(StoredMatrix values)
{
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
        var kept = KeptCount(values.Count, keepFraction);
        if (kept == 0) return float.PositiveInfinity;
        if (kept == values.Count) return 0;
        var known = Volatile.Read(ref ordered);
        if (known is null)
        {
            known = OrderedMagnitudes.Of(values);
            known = Interlocked.CompareExchange(ref ordered, known, null) ?? known;
        }

        return known.AtRank(values.Count - kept);
    }

    /// <summary>
    /// Distinct magnitudes, rising, and how many entries lie below each: 16-bit tensors have a few thousand at most, whatever their size.
    /// </summary>
    private sealed class OrderedMagnitudes(float[] magnitudes, long[] below)
    {
        public static OrderedMagnitudes Of(StoredMatrix values)
        {
            var all = values.ToSingles();
            foreach (ref var value in all.AsSpan()) value = Math.Abs(value);
            Array.Sort(all);
            var (magnitudes, below) = (new List<float>(), new List<long>());
            for (var i = 0; i < all.Length; i++)
            {
                if (i > 0 && all[i] == all[i - 1]) continue;
                magnitudes.Add(all[i]);
                below.Add(i);
            }

            return new OrderedMagnitudes([.. magnitudes], [.. below]);
        }

        /// <summary>The entry at 0-based <paramref name="rank"/> from the smallest.</summary>
        public float AtRank(long rank)
        {
            var found = Array.BinarySearch(below, rank);
            return magnitudes[found >= 0 ? found : ~found - 1];
        }
    }
}
