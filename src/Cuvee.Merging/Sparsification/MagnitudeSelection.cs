namespace Cuvee.Merging.Sparsification;

/// <summary>
/// The k-th largest magnitude of vectors that come in pieces, exactly: non-negative floats order like their bits, so one pass counts the
/// upper 15 bits and a second one the lower 16 inside the bin that holds the answer. Memory does not grow with the vectors.
/// </summary>
internal static class MagnitudeSelection
{
    private const int LowBits = 16;

    /// <summary>Per vector the smallest magnitude that stays, as <see cref="MagnitudeSparsifier.Threshold"/> gives it.</summary>
    /// <param name="pieces">Each holds the next entries of every vector; enumerated twice, or not at all if nothing or all is kept.</param>
    /// <param name="keepFractions">[vectors]</param>
    public static float[] Thresholds(
        IEnumerable<IReadOnlyList<ReadOnlyMemory<float>>> pieces, IReadOnlyList<double> keepFractions)
    {
        var thresholds = keepFractions.All(fraction => fraction is 0 or 1)
            ? new float[keepFractions.Count]
            : AtRanks(
                pieces, keepFractions.Count, (i, length) => Math.Max(1, MagnitudeSparsifier.KeptCount(length, keepFractions[i])));
        for (var i = 0; i < thresholds.Length; i++)
        {
            if (keepFractions[i] == 1) thresholds[i] = 0;
            else if (keepFractions[i] == 0) thresholds[i] = float.PositiveInfinity;
        }

        return thresholds;
    }

    /// <summary>Per vector the magnitude at a rank, 1 for the largest.</summary>
    /// <param name="pieces">Enumerated twice.</param>
    /// <param name="rankOf">From a vector's position and length; 1 to that length.</param>
    public static float[] AtRanks(
        IEnumerable<IReadOnlyList<ReadOnlyMemory<float>>> pieces, int vectors, Func<int, long, long> rankOf)
    {
        var found = new float[vectors];
        var lengths = new long[vectors];
        var upper = Counters(vectors, 1 << (31 - LowBits));
        foreach (var piece in pieces)
        {
            for (var i = 0; i < vectors; i++)
            {
                lengths[i] += piece[i].Length;
                foreach (var value in piece[i].Span) upper[i][Bits(value) >> LowBits]++;
            }
        }

        var bins = new int[vectors];
        var remaining = new long[vectors]; // rank of the answer inside its bin, from the largest
        for (var i = 0; i < vectors; i++)
        {
            remaining[i] = rankOf(i, lengths[i]);
            (bins[i], remaining[i]) = Locate(upper[i], remaining[i]);
        }

        var lower = Counters(vectors, 1 << LowBits);
        foreach (var piece in pieces)
        {
            for (var i = 0; i < vectors; i++)
            {
                foreach (var value in piece[i].Span)
                {
                    var bits = Bits(value);
                    if (bits >> LowBits == bins[i]) lower[i][bits & ((1 << LowBits) - 1)]++;
                }
            }
        }

        for (var i = 0; i < vectors; i++)
            found[i] = BitConverter.Int32BitsToSingle((bins[i] << LowBits) | Locate(lower[i], remaining[i]).Bin);
        return found;
    }

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value) & int.MaxValue;

    private static long[][] Counters(int vectors, int bins) => [.. Enumerable.Range(0, vectors).Select(_ => new long[bins])];

    // The bin of the rank-th entry from the top, and its rank among the entries of that bin.
    private static (int Bin, long Rank) Locate(long[] counts, long rank)
    {
        var bin = counts.Length - 1;
        while (bin > 0 && rank > counts[bin]) rank -= counts[bin--];
        return (bin, rank);
    }
}
