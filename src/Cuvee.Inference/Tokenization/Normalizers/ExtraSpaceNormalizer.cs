using System.Text;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's <c>remove_extra_whitespaces</c>: runs of U+0020 become one, and none stays at the ends, nor does the mark behind the
/// text, which it takes for a space.
/// </summary>
/// <param name="mark">What spaces become later.</param>
internal sealed class ExtraSpaceNormalizer(char mark) : ITextNormalizer
{
    public string Normalize(string text, PieceStart start)
    {
        var output = new StringBuilder(text.Length);
        if (start == PieceStart.Continuation && text.StartsWith(' ')) output.Append(' '); // it stands inside the whole text
        foreach (var character in text)
        {
            if (character != ' ' || (output.Length > 0 && output[^1] != ' ')) output.Append(character);
        }

        return output.ToString().TrimEnd(' ', mark);
    }
}
