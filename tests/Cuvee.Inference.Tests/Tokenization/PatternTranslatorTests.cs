using System.Globalization;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tests.Tokenization;

public class PatternTranslatorTests
{
    [Theory]
    [InlineData(@"a?+b", @"(?>a?)b")]
    [InlineData(@"[^\r\n\p{L}]?+\p{L}++", @"(?>[^\r\n\p{L}]?)(?>\p{L}+)")]
    [InlineData(@"(?:ab|c)*+d", @"(?>(?:ab|c)*)d")]
    [InlineData(@"\s+(?!\S)|\s+", @"\s+(?!\S)|\s+")]
    [InlineData(@"(?i:'s|'t)| ?\p{N}{1,3}", @"(?i:'s|'t)| ?\p{N}{1,3}")]
    [InlineData(@"[+*?]+|\++", @"[+*?]+|\++")]
    public void Translate_Pattern_OnlyPossessiveQuantifiersChange(string pattern, string expected) =>
        Assert.Equal(expected, PatternTranslator.Translate(pattern));

    [Theory]
    [InlineData("[a-z&&[^b]]")]
    [InlineData("[a[b]]")]
    [InlineData("[ab")]
    [InlineData("🍷+")]
    public void Translate_DialectDotNetWouldMisread_Throws(string pattern) =>
        Assert.Throws<ArgumentException>(() => PatternTranslator.Translate(pattern));

    [Theory]
    [InlineData(@"\p{L}+", "a𝐀𠮷b 🍷", "a𝐀𠮷b")]
    [InlineData(@"[^\s\p{L}\p{N}]+", "x🍷𝄞!𝟙", "🍷𝄞!")]
    [InlineData(@"\p{N}", "𝟙𝟚", "𝟙|𝟚")]
    [InlineData(@"[^\r\n\p{L}\p{N}]?\p{L}+", "🍷abc", "🍷abc")]
    [InlineData(@".", "🍷a", "🍷|a")]
    public void FindAll_AstralScalars_CountAsOneCharacterOfTheirCategory(string pattern, string text, string expected)
    {
        var matches = new List<(int Start, int End)>();

        PatternMatcher.ForRegex(pattern).FindAll(text, matches);

        Assert.Equal(expected, string.Join('|', matches.Select(match => text[match.Start..match.End])));
    }

    [Fact]
    public void Cast_EveryAstralScalar_KeepsItsCategory()
    {
        var shadow = new char[3];
        var offsets = new int[3];
        for (var scalar = 0x10000; scalar <= 0x10FFFF; scalar++)
        {
            var text = char.ConvertFromUtf32(scalar);
            var count = ScalarShadow.Cast(text, shadow, offsets);
            if (count != 1 || char.GetUnicodeCategory(shadow[0]) != CharUnicodeInfo.GetUnicodeCategory(scalar))
                Assert.Fail($"U+{scalar:X} became {count} characters, U+{(int)shadow[0]:X4}");
        }
    }
}
