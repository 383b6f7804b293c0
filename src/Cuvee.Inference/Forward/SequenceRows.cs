namespace Cuvee.Inference.Forward;

/// <summary>One sequence's new tokens in a pass: consecutive rows of its buffers.</summary>
/// <param name="tokens">Of the whole sequence, positions rising from 0.</param>
/// <param name="firstPosition">Of the first new token; earlier ones lie in the prefix or in the cache.</param>
/// <param name="count">New tokens.</param>
/// <param name="firstRow">In the pass.</param>
/// <param name="firstOutput">Of the new tokens, the first whose final hidden state is wanted; all later ones are too.</param>
/// <param name="cache">Takes the keys and values of the new tokens; holds those before them unless a prefix does.</param>
/// <param name="prefix">Keys and values of the first tokens, shared with other sequences, as long as <paramref name="firstPosition"/>; or
/// null.</param>
internal sealed class SequenceRows(
    int[] tokens, int firstPosition, int count, long firstRow, int firstOutput, KvCache cache, KvCache? prefix)
{
    public int FirstPosition => firstPosition;

    public int Count => count;

    public long FirstRow => firstRow;

    public int FirstOutput => firstOutput;

    public int Outputs => count - firstOutput;

    public KvCache Cache => cache;

    public KvCache? Prefix => prefix;

    /// <summary>Positions that lie outside of the own cache.</summary>
    public int PrefixLength => prefix is null ? 0 : firstPosition;

    /// <param name="row">0 .. <see cref="Count"/> - 1.</param>
    public int Token(int row) => tokens[firstPosition + row];
}

/// <summary>Consecutive rows of one sequence.</summary>
/// <param name="First">In the sequence's new tokens.</param>
internal readonly record struct RowPiece(SequenceRows Sequence, int First, int Count)
{
    public CachedRows Cached => new(Sequence.Cache, Sequence.Prefix, Sequence.PrefixLength, Sequence.FirstPosition + First, Count);
}

/// <summary>What one thread computes at a time: pieces of one or more sequences.</summary>
/// <param name="FirstOutput">Number of the first row among the pass's outputs; in chunks of outputs only.</param>
internal sealed record RowChunk(IReadOnlyList<RowPiece> Pieces, int Rows, int FirstOutput)
{
    private const int Smallest = 24; // rows: two tall tiles of the matrix product

    /// <summary>
    /// Cuts the rows, or the outputs, of the sequences into chunks of one size, wherever sequences end: at most
    /// <paramref name="largest"/> rows each, as many chunks as <paramref name="threads"/> share evenly.
    /// </summary>
    public static IReadOnlyList<RowChunk> Cut(IReadOnlyList<SequenceRows> sequences, bool outputsOnly, int largest, int threads)
    {
        static int First(SequenceRows sequence, bool outputsOnly) => outputsOnly ? sequence.FirstOutput : 0;
        var total = sequences.Sum(sequence => (long)sequence.Count - First(sequence, outputsOnly));
        var count = Math.Max(1, (total + largest - 1) / largest);
        count = Math.Clamp((count + threads - 1) / threads * threads, 1, Math.Max(1, total / Smallest));
        var chunks = new List<RowChunk>((int)count);
        var pieces = new List<RowPiece>();
        var (done, rows) = (0L, 0);
        foreach (var sequence in sequences)
        {
            for (var first = First(sequence, outputsOnly); first < sequence.Count;)
            {
                var goal = total * (chunks.Count + 1) / count;
                var taken = (int)Math.Min(sequence.Count - first, goal - done);
                if (taken > 0) pieces.Add(new RowPiece(sequence, first, taken));
                (first, done, rows) = (first + taken, done + taken, rows + taken);
                if (done < goal) continue;
                chunks.Add(new RowChunk([.. pieces], rows, (int)(done - rows)));
                pieces.Clear();
                rows = 0;
            }
        }

        return chunks;
    }
}
