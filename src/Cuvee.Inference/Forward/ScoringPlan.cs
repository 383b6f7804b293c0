using Cuvee.Formats.HuggingFace;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Which rows a scoring call computes: the prefix common to all records once a slice, then every record's other rows, as many records to a
/// slice as its activations may take memory. A record's last token is only scored, never fed.
/// </summary>
internal static class ScoringPlan
{
    /// <summary>Bytes of activations and caches of one slice.</summary>
    public const long SliceBytes = 256L << 20;

    /// <summary>Tokens common to all records that are not scored from; 0 for a single record.</summary>
    public static int CommonPrefix(IReadOnlyList<TokenizedRecord> records)
    {
        if (records.Count < 2) return 0;
        ReadOnlySpan<int> first = records[0].Tokens;
        var length = records[0].ScoredFrom - 1; // the row before the first scored token is an output row
        foreach (var record in records)
            length = first[..Math.Min(length, record.ScoredFrom - 1)].CommonPrefixLength(record.Tokens);
        return length;
    }

    /// <summary>Of one token: its residual, keys and values.</summary>
    public static long RowBytes(LlamaConfig config) =>
        (KvCache.Bytes(1, config.NumKeyValueHeads, config.HeadDim, KvCache.Lanes) / KvCache.Lanes) +
            ((long)config.HiddenSize * sizeof(float));

    /// <summary>Consecutive records; at least one to a slice.</summary>
    public static IEnumerable<Range> Slices(LlamaConfig config, IReadOnlyList<TokenizedRecord> records, int prefixLength, long sliceBytes)
    {
        var rowBytes = RowBytes(config);
        var outputBytes = (long)config.HiddenSize * sizeof(float);
        var (first, bytes) = (0, prefixLength * rowBytes);
        for (var i = 0; i < records.Count; i++)
        {
            var own = ((records[i].Tokens.Length - prefixLength) * rowBytes) + (records[i].ScoredTokens * outputBytes);
            if (i > first && bytes + own > sliceBytes)
            {
                yield return first..i;
                (first, bytes) = (i, prefixLength * rowBytes);
            }

            bytes += own;
        }

        yield return first..records.Count;
    }
}
