using System.Globalization;
using System.Text;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// Rewrites a <c>tokenizer.json</c> pattern (Oniguruma's dialect) for .NET: possessive quantifiers become atomic groups, and characters are
/// Unicode scalars. What .NET would silently read differently (class unions and intersections) is refused; what it cannot read at all, its
/// own parser refuses.
/// </summary>
internal sealed class PatternTranslator
{
    private readonly string pattern;
    private readonly List<(string? Text, PatternClass? Class)> parts = [];
    private readonly StringBuilder text = new(); // of the part being collected
    private readonly Stack<int> groupStarts = new(); // part index
    private int atomStart = -1; // index of the first part of the atom a quantifier would apply to
    private int position;

    /// <exception cref="ArgumentException">The pattern is not supported.</exception>
    public PatternTranslator(string pattern)
    {
        this.pattern = pattern;
        while (position < pattern.Length) ReadNext();
        Close();
        Shadow = new ScalarShadow(
            [.. parts.Where(part => part.Class is not null).SelectMany(part => part.Class!.Boundaries).Distinct().Order()]);
        InBasicPlane = string.Concat(parts.Select(part => part.Text ?? part.Class!.Plain));
    }

    /// <summary>For texts without surrogate pairs.</summary>
    public string InBasicPlane { get; }

    /// <summary>For what <see cref="Shadow"/> makes of other texts.</summary>
    public string InShadow() => string.Concat(parts.Select(part => part.Text ?? part.Class!.InShadow(Shadow)));

    public ScalarShadow Shadow { get; }

    private void ReadNext()
    {
        var character = pattern[position];
        switch (character)
        {
            case '\\' when IsClassEscape():
                var escaped = new PatternClass { IsBare = true };
                escaped.AddEscape(ReadEscape());
                Add(escaped);
                break;
            case '\\' when IsCodePoint() || position + 1 == pattern.Length:
                AddScalar(ReadScalar());
                break;
            case '\\':
                Add(ReadEscape());
                break;
            case '[':
                Add(ReadClass());
                break;
            case '(':
                Close();
                groupStarts.Push(parts.Count);
                text.Append(character);
                position++;
                if (position < pattern.Length && pattern[position] == '?')
                {
                    text.Append('?');
                    position++;
                }

                Close();
                break;
            case ')':
                text.Append(character);
                position++;
                Close();
                atomStart = groupStarts.TryPop(out var start) ? start : -1;
                break;
            case '?' or '*' or '+' when atomStart >= 0:
                text.Append(character);
                position++;
                if (position < pattern.Length && pattern[position] == '+')
                {
                    parts.Insert(atomStart, ("(?>", null));
                    text.Append(')');
                    position++;
                }

                Close();
                break;
            case '{' or '}' or '|' or '^' or '$' or '.' or '?' or '*' or '+':
                Add(character.ToString());
                position++;
                break;
            default:
                AddScalar(ReadScalar());
                break;
        }
    }

    private void AddScalar((int Scalar, string Text) read)
    {
        if (read.Scalar <= char.MaxValue)
        {
            Add(read.Text);
            return;
        }

        var single = new PatternClass();
        single.AddRange(read.Scalar, read.Scalar, read.Text);
        Add(single);
    }

    private void Add(string atom)
    {
        Close();
        atomStart = parts.Count;
        text.Append(atom);
    }

    private void Add(PatternClass atom)
    {
        Close();
        atomStart = parts.Count;
        parts.Add((null, atom));
    }

    private void Close()
    {
        if (text.Length > 0) parts.Add((text.ToString(), null));
        text.Clear();
    }

    /// <summary>A backslash that stands for a set of characters.</summary>
    private bool IsClassEscape(int ahead = 0) => position + ahead + 1 < pattern.Length && pattern[position + ahead] == '\\'
        && pattern[position + ahead + 1] is 'p' or 'P' or 's' or 'S' or 'w' or 'W' or 'd' or 'D';

    private bool IsCodePoint() => position + 2 < pattern.Length && pattern[position + 1] == 'x' && pattern[position + 2] == '{';

    private string ReadEscape()
    {
        var start = position;
        position = Math.Min(position + 2, pattern.Length);
        if (position < pattern.Length && pattern[position - 1] is 'p' or 'P' && pattern[position] == '{')
        {
            var close = pattern.IndexOf('}', position);
            position = close < 0 ? pattern.Length : close + 1;
        }

        return pattern[start..position];
    }

    private PatternClass ReadClass()
    {
        position++;
        var isNegated = position < pattern.Length && pattern[position] == '^';
        if (isNegated) position++;
        var set = new PatternClass { IsNegated = isNegated };
        while (position < pattern.Length && pattern[position] != ']')
        {
            if (pattern[position] == '[' || pattern.AsSpan(position).StartsWith("&&"))
                throw new ArgumentException("a character class inside a character class and '&&' are not supported");
            if (IsClassEscape())
            {
                set.AddEscape(ReadEscape());
                continue;
            }

            var start = position;
            var (first, spelling) = ReadScalar();
            var isRange = position + 1 < pattern.Length && pattern[position] == '-' && pattern[position + 1] is not (']' or '[')
                && !IsClassEscape(ahead: 1);
            if (!isRange)
            {
                set.AddRange(first, first, spelling == "-" ? @"\-" : spelling);
                continue;
            }

            position++;
            var (last, end) = ReadScalar();
            set.AddRange(first, last, $"{spelling}-{end}");
        }

        if (position >= pattern.Length) throw new ArgumentException("a character class is not closed");
        position++;
        return set;
    }

    /// <summary>One character, escaped or not, and how .NET spells it.</summary>
    private (int Scalar, string Text) ReadScalar()
    {
        if (pattern[position] == '\\') return ReadEscapedScalar();
        var scalar = char.IsHighSurrogate(pattern[position]) && position + 1 < pattern.Length && char.IsLowSurrogate(pattern[position + 1])
            ? char.ConvertToUtf32(pattern[position], pattern[position + 1])
            : pattern[position];
        var length = scalar > char.MaxValue ? 2 : 1;
        position += length;
        return (scalar, pattern[(position - length)..position]);
    }

    private (int Scalar, string Text) ReadEscapedScalar()
    {
        if (position + 1 >= pattern.Length) throw new ArgumentException("it ends with a backslash");
        if (IsCodePoint())
        {
            var close = pattern.IndexOf('}', position);
            if (close < 0
                || !int.TryParse(pattern.AsSpan(position + 3, close - position - 3), NumberStyles.AllowHexSpecifier, null, out var named)
                || named is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
            {
                throw new ArgumentException(@"\x{...} does not hold a code point");
            }

            position = close + 1;
            return (named, named <= char.MaxValue ? $"\\u{named:X4}" : char.ConvertFromUtf32(named));
        }

        var kind = pattern[position + 1];
        var digits = kind switch { 'u' => 4, 'x' => 2, _ => 0 };
        var end = position + 2 + digits;
        if (end > pattern.Length) throw new ArgumentException("an escape is cut off");
        var spelling = pattern[position..end];
        var scalar = kind switch
        {
            'u' or 'x' => int.TryParse(spelling.AsSpan(2), NumberStyles.AllowHexSpecifier, null, out var code)
                ? code
                : throw new ArgumentException($"{spelling} does not hold a code point"),
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => '\e',
            _ when char.IsAsciiLetterOrDigit(kind) => throw new ArgumentException($"{spelling} is not supported in a character class"),
            _ => kind,
        };
        position = end;
        return (scalar, spelling);
    }
}
