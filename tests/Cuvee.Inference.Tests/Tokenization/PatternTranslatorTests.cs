using System.Globalization;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tests.Tokenization;

public class PatternTranslatorTests
{
    [Fact]
    public void ForRegex_PatternWithoutMeasure_Throws() =>
        Assert.Throws<ArgumentException>(() => PatternMatcher.ForRegex(string.Concat(Enumerable.Repeat("(?:a|b)", 2500))));

    [Theory]
    [InlineData(@"a?+b", @"(?>a?)b")]
    [InlineData(@"[^\r\n\p{L}]?+\p{L}++", @"(?>[^\r\n\p{L}]?)(?>\p{L}+)")]
    [InlineData(@"(?:ab|c)*+d", @"(?>(?:ab|c)*)d")]
    [InlineData(@"\s+(?!\S)|\s+", @"\s+(?!\S)|\s+")]
    [InlineData(@"(?i:'s|'t)| ?\p{N}{1,3}", @"(?i:'s|'t)| ?\p{N}{1,3}")]
    [InlineData(@"[+*?]+|\++", @"[+*?]+|\++")]
    public void Translate_Pattern_OnlyPossessiveQuantifiersChange(string pattern, string expected) =>
        Assert.Equal(expected, new PatternTranslator(pattern).InBasicPlane);

    [Theory]
    [InlineData("[a-z&&[^b]]")]
    [InlineData("[a[b]]")]
    [InlineData("[ab")]
    [InlineData(@"[\uE100-\uE200]")]
    [InlineData(@"\x{110000}")]
    public void Translate_DialectDotNetWouldMisread_Throws(string pattern) =>
        Assert.Throws<ArgumentException>(() => PatternMatcher.ForRegex(pattern));

    [Theory]
    [InlineData(@"\p{L}+", "a𝐀𠮷b 🍷", "a𝐀𠮷b")]
    [InlineData(@"[^\s\p{L}\p{N}]+", "x🍷𝄞!𝟙", "🍷𝄞!")]
    [InlineData(@"\p{N}", "𝟙𝟚", "𝟙|𝟚")]
    [InlineData(@"[^\r\n\p{L}\p{N}]?\p{L}+", "🍷abc", "🍷abc")]
    [InlineData(@".", "🍷a", "🍷|a")]
    [InlineData("🍷+", "🍷🍷a𝐀🍺🍷", "🍷🍷|🍷")]
    [InlineData(@"[🍷-🍺x]+", "x🍸🍹w🍻🍺", "x🍸🍹|🍺")]
    [InlineData(@"[^🍷-🍺x]+", "x🍸a🍻🍺", "a🍻")]
    [InlineData(@"[a-🍺]+", "Aa龥🍹🍻", "a龥🍹")]
    [InlineData(@"\x{1F377}|\x{62}", "a🍷b", "🍷|b")]
    [InlineData(@"[\P{L}]+", "a🍷𝐀!", "🍷|!")]
    [InlineData(@"[^\P{L}]+", "a🍷𝐀!", "a|𝐀")]
    [InlineData(@"\w+", "a𝐀🍷_𝟙", "a𝐀|_𝟙")]
    [InlineData(@"\S+", "a🍷 𝐀", "a🍷|𝐀")]
    [InlineData(@"[\p{L}]+", "\uE011a\uE05A𝐀", "a|𝐀")]
    public void FindAll_AstralScalars_CountAsOneCharacterOfTheirCategory(string pattern, string text, string expected)
    {
        var matches = new List<(int Start, int End)>();

        PatternMatcher.ForRegex(pattern).FindAll(text, matches);

        Assert.Equal(expected, string.Join('|', matches.Select(match => text[match.Start..match.End])));
    }

    /// <summary>The ideographs of DeepSeek's pattern end before most stand-ins of a category would lie.</summary>
    [Theory]
    [InlineData(@"[一-龥぀-ゟ゠-ヿ]+", "漢🍷字𠮷", "漢|字")]
    [InlineData(@"[\u1400-\u2600]+", "🍷𠮷𝐀\u1500", "\u1500")]
    public void FindAll_RangeOfTheBasicPlane_HoldsNoAstralScalar(string pattern, string text, string expected) =>
        FindAll_AstralScalars_CountAsOneCharacterOfTheirCategory(pattern, text, expected);

    [Theory]
    [InlineData(@"\p{L}")]
    [InlineData(@"[^\s\p{L}\p{N}]")]
    [InlineData(@"[\p{P}\p{S}🍷]")]
    [InlineData(@"[^\P{M}𝐀-𝐙]")]
    [InlineData(@"\D")]
    public void FindAll_EveryAstralScalar_AsItsCategoryAndPlaceSay(string pattern)
    {
        var matcher = PatternMatcher.ForRegex(pattern);
        var matches = new List<(int Start, int End)>();
        for (var scalar = 0x10000; scalar <= 0x10FFFF; scalar++)
        {
            matches.Clear();
            matcher.FindAll(char.ConvertFromUtf32(scalar), matches);
            var category = CharUnicodeInfo.GetUnicodeCategory(scalar);
            var isLetter = category <= UnicodeCategory.OtherLetter;
            var isMark = category is >= UnicodeCategory.NonSpacingMark and <= UnicodeCategory.EnclosingMark;
            var isNumber = category is >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber;
            var isPunctuation = category is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;
            var isSymbol = category is >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol;
            var expected = pattern switch
            {
                @"\p{L}" => isLetter,
                @"[^\s\p{L}\p{N}]" => !isLetter && !isNumber,
                @"[\p{P}\p{S}🍷]" => isPunctuation || isSymbol || scalar == 0x1F377,
                @"[^\P{M}𝐀-𝐙]" => isMark && scalar is < 0x1D400 or > 0x1D419,
                _ => category != UnicodeCategory.DecimalDigitNumber,
            };
            if (matches.Count != (expected ? 1 : 0)) Assert.Fail($"U+{scalar:X} ({category}): {matches.Count} matches of {pattern}");
        }
    }
}
