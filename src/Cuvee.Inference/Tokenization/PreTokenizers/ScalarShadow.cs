using System.Globalization;
using System.Text;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// .NET's regex sees UTF-16 units, the patterns mean Unicode scalars: "\p{L}" would never match a letter beyond U+FFFF and "." would match
/// half of one. So a text with surrogate pairs is matched through its shadow, in which each pair is replaced by one rare BMP character of
/// the same general category, and the matches are mapped back.
/// </summary>
internal static class ScalarShadow
{
    // No astral character is white space, and categories without an astral member need no stand-in.
    private static readonly Dictionary<UnicodeCategory, char> StandIns = new()
    {
        [UnicodeCategory.UppercaseLetter] = '\u10A0',
        [UnicodeCategory.LowercaseLetter] = '\u1D00',
        [UnicodeCategory.ModifierLetter] = '\u1D2C',
        [UnicodeCategory.OtherLetter] = '\u1401',
        [UnicodeCategory.NonSpacingMark] = '\u1DC0',
        [UnicodeCategory.SpacingCombiningMark] = '\u1B04',
        [UnicodeCategory.EnclosingMark] = '\u20DD',
        [UnicodeCategory.DecimalDigitNumber] = '\u1B50',
        [UnicodeCategory.LetterNumber] = '\u2160',
        [UnicodeCategory.OtherNumber] = '\u2460',
        [UnicodeCategory.ConnectorPunctuation] = '\u203F',
        [UnicodeCategory.DashPunctuation] = '\u1400',
        [UnicodeCategory.OpenPunctuation] = '\u2045',
        [UnicodeCategory.ClosePunctuation] = '\u2046',
        [UnicodeCategory.InitialQuotePunctuation] = '\u2E02',
        [UnicodeCategory.FinalQuotePunctuation] = '\u2E03',
        [UnicodeCategory.OtherPunctuation] = '\u1AA0',
        [UnicodeCategory.MathSymbol] = '\u2A00',
        [UnicodeCategory.CurrencySymbol] = '\u20B3',
        [UnicodeCategory.ModifierSymbol] = '\uA700',
        [UnicodeCategory.OtherSymbol] = '\u2400',
        [UnicodeCategory.Format] = '\u2060',
        [UnicodeCategory.PrivateUse] = '\uE000',
        [UnicodeCategory.OtherNotAssigned] = '\u0378',
    };

    public static bool IsNeeded(ReadOnlySpan<char> text) => text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    /// <summary>Lone surrogates, which no UTF-8 can hold, become U+FFFD.</summary>
    public static string WellFormed(string text) => IsNeeded(text) ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;

    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="shadow">[scalars + 1] receives the shadow; the return value is its length.</param>
    /// <param name="offsets">[scalars + 1] receives where each scalar starts in <paramref name="text"/>, and the text's length.</param>
    public static int Cast(ReadOnlySpan<char> text, Span<char> shadow, Span<int> offsets)
    {
        var count = 0;
        for (var position = 0; position < text.Length; position++)
        {
            offsets[count] = position;
            var character = text[position];
            if (char.IsHighSurrogate(character))
            {
                var category = CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(character, text[++position]));
                character = StandIns[category];
            }

            shadow[count++] = character;
        }

        offsets[count] = text.Length;
        return count;
    }
}
