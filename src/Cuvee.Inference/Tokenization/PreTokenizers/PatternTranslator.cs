using System.Text;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// Rewrites a <c>tokenizer.json</c> pattern (Oniguruma's dialect) for .NET: possessive quantifiers become atomic groups. What .NET would
/// silently read differently (class unions and intersections, characters beyond U+FFFF) is refused; what it cannot read at all, its own
/// parser refuses.
/// </summary>
internal static class PatternTranslator
{
    public static string Translate(string pattern)
    {
        var output = new StringBuilder(pattern.Length + 16);
        var groupStarts = new Stack<int>();
        var atomStart = -1; // start in output of the atom a quantifier would apply to
        var position = 0;
        while (position < pattern.Length)
        {
            var character = pattern[position];
            if (char.IsSurrogate(character))
                throw new ArgumentException("characters beyond U+FFFF in a pattern are not supported");
            switch (character)
            {
                case '\\':
                    atomStart = output.Length;
                    position = CopyEscape(pattern, position, output);
                    break;
                case '[':
                    atomStart = output.Length;
                    position = CopyClass(pattern, position, output);
                    break;
                case '(':
                    groupStarts.Push(output.Length);
                    output.Append(character);
                    position++;
                    if (position < pattern.Length && pattern[position] == '?')
                    {
                        output.Append('?');
                        position++;
                    }

                    break;
                case ')':
                    atomStart = groupStarts.TryPop(out var start) ? start : -1;
                    output.Append(character);
                    position++;
                    break;
                case '?' or '*' or '+' when atomStart >= 0:
                    output.Append(character);
                    position++;
                    if (position < pattern.Length && pattern[position] == '+')
                    {
                        output.Insert(atomStart, "(?>").Append(')');
                        position++;
                    }

                    break;
                default:
                    atomStart = output.Length;
                    output.Append(character);
                    position++;
                    break;
            }
        }

        return output.ToString();
    }

    private static int CopyEscape(string pattern, int position, StringBuilder output)
    {
        var end = Math.Min(position + 2, pattern.Length);
        var isProperty = end < pattern.Length && pattern[end - 1] is 'p' or 'P' && pattern[end] == '{';
        if (isProperty)
        {
            var close = pattern.IndexOf('}', end);
            end = close < 0 ? pattern.Length : close + 1;
        }

        output.Append(pattern, position, end - position);
        return end;
    }

    private static int CopyClass(string pattern, int position, StringBuilder output)
    {
        output.Append('[');
        position++;
        if (position < pattern.Length && pattern[position] == '^')
        {
            output.Append('^');
            position++;
        }

        while (position < pattern.Length && pattern[position] != ']')
        {
            var character = pattern[position];
            if (character == '[' || (character == '&' && position + 1 < pattern.Length && pattern[position + 1] == '&'))
                throw new ArgumentException("a character class inside a character class and '&&' are not supported");
            if (char.IsSurrogate(character))
                throw new ArgumentException("characters beyond U+FFFF in a pattern are not supported");
            if (character == '\\')
            {
                position = CopyEscape(pattern, position, output);
                continue;
            }

            output.Append(character);
            position++;
        }

        if (position >= pattern.Length)
            throw new ArgumentException("a character class is not closed");
        output.Append(']');
        return position + 1;
    }
}
