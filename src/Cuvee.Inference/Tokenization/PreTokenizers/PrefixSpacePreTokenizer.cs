namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// <c>ByteLevel</c>'s <c>add_prefix_space</c>: a piece that does not start with a space gets one, unless it continues a text.
/// </summary>
internal sealed class PrefixSpacePreTokenizer : IPreTokenizer
{
    public void Split(ReadOnlyMemory<char> piece, PieceStart start, List<ReadOnlyMemory<char>> pieces) =>
        pieces.Add(piece.Span[0] == ' ' || start == PieceStart.Continuation ? piece : string.Concat(" ", piece.Span).AsMemory());
}
