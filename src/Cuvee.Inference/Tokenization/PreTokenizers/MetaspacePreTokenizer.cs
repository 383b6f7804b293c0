namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary><c>Metaspace</c>: spaces become a visible mark, one is put in front, and each word starts with its mark.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, MetaspacePrepend prepend, bool split) : IPreTokenizer
{
    public void Split(ReadOnlyMemory<char> piece, PieceStart start, List<ReadOnlyMemory<char>> pieces)
    {
        var text = piece.ToString().Replace(' ', replacement);
        var prepends = start != PieceStart.Continuation
            && (prepend == MetaspacePrepend.Always || (prepend == MetaspacePrepend.First && start == PieceStart.Text));
        if (prepends && text[0] != replacement)
            text = replacement + text;
        var word = 0;
        for (var position = 1; split && position < text.Length; position++)
        {
            if (text[position] != replacement)
                continue;
            pieces.Add(text.AsMemory(word, position - word));
            word = position;
        }

        pieces.Add(text.AsMemory(word));
    }
}
