namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>
/// What short pieces were encoded to: text repeats its words. Direct-mapped: a piece has one place, and the last one there stays, so that
/// the size is bounded and no piece is shut out for good. Thread-safe: an entry never changes, and a place holds one reference.
/// </summary>
internal sealed class PieceCache
{
    public const int Longest = 64; // UTF-16 units

    private const int Places = 1 << 16; // all of them in use: some 10 MB

    private readonly Entry?[] entries = new Entry?[Places];

    /// <param name="output">Receives the ids.</param>
    public bool TryGet(ReadOnlySpan<char> piece, List<int> output)
    {
        if (piece.Length > Longest || entries[Place(piece)] is not { } entry || !piece.SequenceEqual(entry.Piece)) return false;
        output.AddRange(entry.Ids);
        return true;
    }

    public void Keep(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        if (piece.Length <= Longest) entries[Place(piece)] = new Entry(piece.ToString(), ids.ToArray());
    }

    private static int Place(ReadOnlySpan<char> piece) => string.GetHashCode(piece) & (Places - 1);

    private sealed record Entry(string Piece, int[] Ids);
}
