using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>{"Regex": ...}</c> and <c>{"String": ...}</c>.</summary>
internal static class PatternReader
{
    public static PatternMatcher Read(JsonField pattern)
    {
        if (pattern.IsText || pattern.Optional("String") is not null)
        {
            var literal = pattern.IsText ? pattern : pattern.Required("String");
            return literal.Text.Length > 0 ? PatternMatcher.ForLiteral(literal.Text) : throw literal.Fail("must not be empty");
        }

        var regex = pattern.Required("Regex");
        try
        {
            return PatternMatcher.ForRegex(regex.Text);
        }
        catch (ArgumentException exception)
        {
            throw regex.Fail($"this regular expression is not supported ({exception.Message.TrimEnd('.')})");
        }
    }
}
