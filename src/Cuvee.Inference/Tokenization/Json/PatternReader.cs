using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>{"Regex": ...}</c> and <c>{"String": ...}</c>.</summary>
internal static class PatternReader
{
    public static PatternMatcher Read(JsonField pattern)
    {
        if (pattern.IsText || pattern.Find("String") is not null)
        {
            var literal = pattern.IsText ? pattern : pattern["String"];
            return literal.Text() is { Length: > 0 } text
                ? PatternMatcher.ForLiteral(text)
                : throw literal.Error("is empty; give the text to split at");
        }

        var regex = pattern["Regex"];
        try
        {
            return PatternMatcher.ForRegex(regex.Text(), regex.Where);
        }
        catch (ArgumentException exception)
        {
            throw regex.Error($"is a regular expression that is not supported ({exception.Message.TrimEnd('.')})", exception);
        }
    }
}
