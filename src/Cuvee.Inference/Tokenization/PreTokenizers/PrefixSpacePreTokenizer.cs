namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary><c>ByteLevel</c>'s <c>add_prefix_space</c>: a piece that does not start with a space gets one.</summary>
internal sealed class PrefixSpacePreTokenizer : IPreTokenizer
{
    public void Split(ReadOnlyMemory<char> piece, bool atTextStart, List<ReadOnlyMemory<char>> pieces) =>
        pieces.Add(piece.Span[0] == ' ' ? piece : string.Concat(" ", piece.Span).AsMemory());
}
