using System.Buffers;
using System.Text.RegularExpressions;
using Cuvee.Formats;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>Where a literal or a regular expression occurs in a text, offsets in UTF-16 units.</summary>
internal sealed class PatternMatcher
{
    private readonly string? _literal;
    private readonly PretokenizationPattern? _pattern;
    private readonly string _place;

    private PatternMatcher(string? literal, PretokenizationPattern? pattern, string place)
    {
        _literal = literal;
        _pattern = pattern;
        _place = place;
    }

    public static PatternMatcher ForLiteral(string literal) => new(literal, null, "");

    /// <param name="place">Where the pattern stands, for the error of one that backtracks without end.</param>
    /// <exception cref="ArgumentException">The pattern is not supported.</exception>
    public static PatternMatcher ForRegex(string pattern, string place = "a built-in pattern") =>
        new(null, new PretokenizationPattern(pattern), place);

    /// <summary>Appends the non-overlapping matches from left to right; empty ones are left out.</summary>
    /// <exception cref="BadInputException">The pattern backtracks without end on this text.</exception>
    public void FindAll(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        try
        {
            Find(text, matches);
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new BadInputException(
                $"{_place} backtracks without end on a text of {text.Length} characters; simplify the pattern.", exception);
        }
    }

    private void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        if (_literal is not null)
            FindLiteral(text, _literal, matches);
        else if (ScalarShadow.IsNeeded(text))
            FindThroughShadow(text, matches);
        else
        {
            foreach (var match in _pattern!.InBasicPlane.EnumerateMatches(text))
            {
                if (match.Length > 0)
                    matches.Add((match.Index, match.Index + match.Length));
            }
        }
    }

    private static void FindLiteral(ReadOnlySpan<char> text, string literal, List<(int Start, int End)> matches)
    {
        var position = 0;
        while (text[position..].IndexOf(literal, StringComparison.Ordinal) is var offset and >= 0)
        {
            matches.Add((position + offset, position + offset + literal.Length));
            position += offset + literal.Length;
        }
    }

    private void FindThroughShadow(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        var shadow = ArrayPool<char>.Shared.Rent(text.Length + 1);
        var offsets = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            var count = _pattern!.Shadow.Cast(text, shadow, offsets);
            foreach (var match in _pattern.InShadow.EnumerateMatches(shadow.AsSpan(0, count)))
            {
                if (match.Length > 0)
                    matches.Add((offsets[match.Index], offsets[match.Index + match.Length]));
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(shadow);
            ArrayPool<int>.Shared.Return(offsets);
        }
    }
}
