using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>One set of characters in a pattern: <c>[...]</c>, <c>\p{L}</c>, or a character beyond U+FFFF.</summary>
internal sealed class PatternClass
{
    // A character of the basic plane for every category that has members beyond it: what an escape says of it, it says of the category.
    private static readonly Dictionary<UnicodeCategory, char> Examples = new()
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

    private readonly List<string> escapes = [];
    private readonly List<(int First, int Last)> ranges = [];
    private readonly StringBuilder basic = new(); // what .NET reads of it: the members of the basic plane

    public bool IsNegated { get; init; }

    /// <summary>An escape outside brackets.</summary>
    public bool IsBare { get; init; }

    public void AddEscape(string escape)
    {
        escapes.Add(escape);
        basic.Append(escape);
    }

    /// <param name="text">As the pattern spells it.</param>
    public void AddRange(int first, int last, string text)
    {
        if (first > last) throw new ArgumentException($"the range {text} is in reverse order");
        ranges.Add((first, last));
        if (first <= char.MaxValue) basic.Append(last <= char.MaxValue ? text : $"{text[..^(char.ConvertFromUtf32(last).Length)]}\\uFFFF");
    }

    /// <summary>Scalars beyond U+FFFF at which membership may change.</summary>
    public IEnumerable<int> Boundaries => ranges
        .SelectMany(range => (int[])[range.First, range.Last + 1]).Where(scalar => scalar is > 0x10000 and <= 0x10FFFF);

    /// <summary>For texts of the basic plane alone.</summary>
    public string Plain => IsBare ? escapes[0] : Bracketed;

    private string Bracketed => basic.Length > 0 ? $"[{(IsNegated ? "^" : "")}{basic}]" : IsNegated ? @"[\s\S]" : @"[^\s\S]";

    /// <summary>For shadows: <see cref="Plain"/>, corrected for every stand-in.</summary>
    public string InShadow(ScalarShadow shadow)
    {
        var members = new StringBuilder();
        var others = new StringBuilder();
        foreach (var (category, example) in Examples)
        {
            var isNamed = escapes.Exists(escape => Regex.IsMatch(example.ToString(), escape));
            for (var interval = 0; interval < shadow.Intervals; interval++)
            {
                if (interval == 0 && category != UnicodeCategory.PrivateUse) continue;
                var isMember = (isNamed || IsInRange(shadow, interval)) != IsNegated;
                (isMember ? members : others).Append(ScalarShadow.StandIn(interval, category));
            }
        }

        if (Regex.IsMatch(ScalarShadow.First.ToString(), Bracketed))
            return others.Length == 0 ? Plain : $"{Bracketed[..^1]}-[{others}]]";
        if (members.Length == 0) return Plain;
        return IsNegated || basic.Length == 0 ? $"(?:{Plain}|[{members}])" : $"{Bracketed[..^1]}{members}]";
    }

    private bool IsInRange(ScalarShadow shadow, int interval)
    {
        if (interval > 0) return ranges.Exists(range => range.First <= shadow.StartOf(interval) && shadow.StartOf(interval) <= range.Last);
        var covering = ranges.FindAll(range => range.First <= ScalarShadow.Last && range.Last >= ScalarShadow.First);
        return covering.TrueForAll(range => range.First <= ScalarShadow.First && range.Last >= ScalarShadow.Last)
            ? covering.Count > 0
            : throw new ArgumentException("a range that ends inside the private use area is not supported");
    }
}
