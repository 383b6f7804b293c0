namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary><c>Metaspace</c>: spaces become a visible mark, one is put in front, and each word starts with its mark.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, MetaspacePrepend prepend, bool split) : IPreTokenizer
{
    public void Split(ReadOnlyMemory<char> piece, bool atTextStart, List<ReadOnlyMemory<char>> pieces)
    {
        var text = piece.ToString().Replace(' ', replacement);
        var prepends = prepend == MetaspacePrepend.Always || (prepend == MetaspacePrepend.First && atTextStart);
        if (prepends && text[0] != replacement)
            text = replacement + text;
        var start = 0;
        for (var position = 1; split && position < text.Length; position++)
        {
            if (text[position] != replacement)
                continue;
            pieces.Add(text.AsMemory(start, position - start));
            start = position;
        }

        pieces.Add(text.AsMemory(start));
    }
}
