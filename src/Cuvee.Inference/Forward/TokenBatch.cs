namespace Cuvee.Inference.Forward;

/// <summary>
/// Rows of one forward pass: new tokens of several sequences, concatenated without padding. Reused from pass to
/// pass; grows and never shrinks.
/// </summary>
internal sealed class TokenBatch
{
    private int[] tokens = [];
    private int[] positions = [];
    private int[] outputRows = [];
    private int[] outputPositions = [];
    private TokenSegment[] segments = [];

    public int Rows { get; private set; }

    public int Outputs { get; private set; }

    public int SegmentCount { get; private set; }

    /// <summary>Largest number of positions that a sequence has after this pass.</summary>
    public int LongestSequence { get; private set; }

    public ReadOnlySpan<int> Tokens => tokens.AsSpan(0, Rows);

    public ReadOnlySpan<int> Positions => positions.AsSpan(0, Rows);

    /// <summary>Rows whose final hidden state is wanted, rising.</summary>
    public ReadOnlySpan<int> OutputRows => outputRows.AsSpan(0, Outputs);

    public ReadOnlySpan<int> OutputPositions => outputPositions.AsSpan(0, Outputs);

    public ReadOnlySpan<TokenSegment> Segments => segments.AsSpan(0, SegmentCount);

    public void Clear() => (Rows, Outputs, SegmentCount, LongestSequence) = (0, 0, 0, 0);

    /// <param name="newTokens">Not empty.</param>
    /// <param name="firstOutput">
    /// Index into <paramref name="newTokens"/> of the first row whose final hidden state is wanted; all later ones are too.
    /// </param>
    /// <param name="past">Earlier positions of the sequence, read only; or null.</param>
    /// <param name="cache">Holds earlier positions and receives the new ones; or null. Not together with <paramref name="past"/>.</param>
    public void Add(ReadOnlySpan<int> newTokens, int firstOutput, KvCache? past, KvCache? cache)
    {
        var pastLength = (past ?? cache)?.Length ?? 0;
        Grow(ref tokens, Rows + newTokens.Length);
        Grow(ref positions, Rows + newTokens.Length);
        Grow(ref outputRows, Outputs + newTokens.Length);
        Grow(ref outputPositions, Outputs + newTokens.Length);
        Grow(ref segments, SegmentCount + 1);
        newTokens.CopyTo(tokens.AsSpan(Rows));
        segments[SegmentCount++] = new TokenSegment(
            Rows, newTokens.Length, Outputs, newTokens.Length - firstOutput, pastLength, past, cache);
        for (var i = 0; i < newTokens.Length; i++)
        {
            positions[Rows + i] = pastLength + i;
            if (i < firstOutput) continue;
            outputRows[Outputs] = Rows + i;
            outputPositions[Outputs++] = pastLength + i;
        }

        Rows += newTokens.Length;
        LongestSequence = Math.Max(LongestSequence, pastLength + newTokens.Length);
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) Array.Resize(ref array, Math.Max(length, 2 * array.Length));
    }
}

/// <summary>One sequence's part of a <see cref="TokenBatch"/>.</summary>
internal readonly record struct TokenSegment(
    int FirstRow, int Rows, int FirstOutput, int Outputs, int PastLength, KvCache? Past, KvCache? Cache);
