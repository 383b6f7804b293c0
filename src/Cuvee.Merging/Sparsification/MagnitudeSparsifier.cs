namespace Cuvee.Merging.Sparsification;

/// <summary>
/// S(A, a) of Evo-Merging (arXiv 2509.12951): keeps the round(a * count) entries of largest magnitude of one tensor, at least one if a &gt;
/// 0. The magnitudes are sorted once, on first need; afterwards a keep fraction costs one look-up. Thread-safe.
/// </summary>
public sealed class MagnitudeSparsifier(ReadOnlyMemory<float> values)
{
    private float[]? sortedMagnitudes; // [values.Length], rising

    public int Count => values.Length;

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
        var kept = KeptCount(values.Length, keepFraction);
        if (kept == 0) return float.PositiveInfinity;
        if (kept == values.Length) return 0;
        return SortedMagnitudes()[values.Length - kept];
    }

    private float[] SortedMagnitudes()
    {
        var sorted = Volatile.Read(ref sortedMagnitudes);
        if (sorted is not null) return sorted;
        var source = values.Span;
        sorted = new float[source.Length];
        for (var i = 0; i < sorted.Length; i++) sorted[i] = Math.Abs(source[i]);
        Array.Sort(sorted);
        return Interlocked.CompareExchange(ref sortedMagnitudes, sorted, null) ?? sorted;
    }
}
