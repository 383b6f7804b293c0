namespace Cuvee.Inference.Forward;

/// <summary>
/// Which rows a scoring call computes: the prefix common to all records once, then every record's other rows, several records to a chunk.
/// A record's last token is only scored, never fed.
/// </summary>
internal sealed class ScoringPlan
{
    /// <summary>
    /// Rows per chunk aimed at: enough for the matrix product's full speed, few enough that a chunk's activations stay in L2.
    /// </summary>
    public const int ChunkRows = 256;

    private ScoringPlan(int prefixLength, IReadOnlyList<Range> chunks) => (PrefixLength, Chunks) = (prefixLength, chunks);

    /// <summary>Tokens common to all records that are not scored from; 0 when sharing them would not pay.</summary>
    public int PrefixLength { get; }

    /// <summary>Consecutive records.</summary>
    public IReadOnlyList<Range> Chunks { get; }

    public static ScoringPlan Create(IReadOnlyList<TokenizedRecord> records, int threads)
    {
        var prefix = CommonPrefix(records);
        var total = records.Sum(record => record.Tokens.Length - 1 - prefix);
        var wanted = Math.Max(1, (total + ChunkRows - 1) / ChunkRows);
        wanted = (wanted + threads - 1) / threads * threads; // an even share for every thread
        var chunks = new List<Range>();
        var done = 0;
        for (int first = 0, i = 0; i < records.Count; i++)
        {
            done += records[i].Tokens.Length - 1 - prefix;
            var goal = (long)total * (chunks.Count + 1) / wanted;
            var next = i + 1 < records.Count ? records[i + 1].Tokens.Length - 1 - prefix : 0;
            if (i + 1 < records.Count && done + (next / 2) < goal) continue;
            chunks.Add(first..(i + 1));
            first = i + 1;
        }

        return new ScoringPlan(prefix, chunks);
    }

    private static int CommonPrefix(IReadOnlyList<TokenizedRecord> records)
    {
        if (records.Count < 2) return 0;
        ReadOnlySpan<int> first = records[0].Tokens;
        var length = records[0].ScoredFrom - 1; // the row before the first scored token is an output row
        foreach (var record in records)
            length = first[..Math.Min(length, record.ScoredFrom - 1)].CommonPrefixLength(record.Tokens);
        return length;
    }
}
