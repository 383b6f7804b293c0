using System.Text;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary><c>Replace</c>: each occurrence of a pattern becomes a fixed string.</summary>
internal sealed class ReplaceNormalizer(PatternMatcher pattern, string content) : ITextNormalizer
{
    public string Normalize(string text, PieceStart _) => Replace(text);

    public string Replace(string text)
    {
        var matches = new List<(int Start, int End)>();
        pattern.FindAll(text, matches);
        if (matches.Count == 0)
            return text;
        var output = new StringBuilder(text.Length);
        var position = 0;
        foreach (var (start, end) in matches)
        {
            output.Append(text, position, start - position).Append(content);
            position = end;
        }

        return output.Append(text, position, text.Length - position).ToString();
    }
}
