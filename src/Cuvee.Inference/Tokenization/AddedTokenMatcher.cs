using System.Buffers;
using System.Globalization;

namespace Cuvee.Inference.Tokenization;

/// <summary>Cuts a text at added tokens: leftmost match first, the longest of those that start there.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<string> _spellings;
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _bySpelling;
    private readonly int[] _lengths; // distinct lengths in UTF-16 units, longest first

    /// <param name="tokens">Spelling looked for (already normalized where the token asks for it) and token.</param>
    public AddedTokenMatcher(IReadOnlyCollection<(string Spelling, AddedToken Token)> tokens)
    {
        var bySpelling = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var (spelling, token) in tokens)
            bySpelling[spelling] = token;
        _bySpelling = bySpelling.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. bySpelling.Keys.Select(spelling => spelling.Length).Distinct().OrderDescending()];
        _spellings = SearchValues.Create([.. bySpelling.Keys], StringComparison.Ordinal);
    }

    /// <summary>Appends the segments of <paramref name="text"/> in order; empty stretches are left out.</summary>
    public void Split(ReadOnlyMemory<char> text, List<(ReadOnlyMemory<char> Text, AddedToken? Token)> segments)
    {
        var span = text.Span;
        var pending = 0; // start of the text not yet emitted
        var position = 0;
        while (position < span.Length)
        {
            var offset = span[position..].IndexOfAny(_spellings);
            if (offset < 0)
                break;
            var start = position + offset;
            var token = LongestAt(span[start..], out var matched)!;
            var end = start + matched;
            position = end;
            if (token.SingleWord && ((start > 0 && IsWord(span[start - 1])) || (end < span.Length && IsWord(span[end]))))
                continue;
            while (token.LeftStrip && start > pending && char.IsWhiteSpace(span[start - 1]))
                start--;
            while (token.RightStrip && end < span.Length && char.IsWhiteSpace(span[end]))
                end++;
            if (start > pending)
                segments.Add((text[pending..start], null));
            segments.Add((text[start..end], token));
            pending = position = end;
        }

        if (pending < span.Length)
            segments.Add((text[pending..], null));
    }

    private AddedToken? LongestAt(ReadOnlySpan<char> span, out int matched)
    {
        foreach (var length in _lengths)
        {
            if (length <= span.Length && _bySpelling.TryGetValue(span[..length], out var token))
            {
                matched = length;
                return token;
            }
        }

        matched = 0;
        return null;
    }

    private static bool IsWord(char character) =>
        char.IsLetterOrDigit(character) || char.GetUnicodeCategory(character)
            is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
