using Cuvee.Lab.Parents;

namespace Cuvee.Lab.Tests.Parents;

public sealed class NumberWordsTests
{
    [Theory]
    [InlineData(0, "nul")]
    [InlineData(7, "sep")]
    [InlineData(10, "dek")]
    [InlineData(11, "dek unu")]
    [InlineData(15, "dek kvin")]
    [InlineData(20, "dudek")]
    [InlineData(40, "kvardek")]
    [InlineData(99, "naŭdek naŭ")]
    [InlineData(100, "cent")]
    [InlineData(101, "cent unu")]
    [InlineData(110, "cent dek")]
    [InlineData(218, "ducent dek ok")]
    [InlineData(345, "tricent kvardek kvin")]
    [InlineData(600, "sescent")]
    [InlineData(999, "naŭcent naŭdek naŭ")]
    public void Say_KnownNumbers_GivesTheirWords(int number, string words) =>
        Assert.Equal(words, NumberWords.Say(number));

    [Fact]
    public void Read_EveryNumberInWords_GivesItBack()
    {
        for (var number = 0; number <= NumberWords.Max; number++) Assert.Equal(number, NumberWords.Read(NumberWords.Say(number)));
    }

    /// <summary>The language is additive: every word is a digit, a power of ten, or a digit before a power of ten.</summary>
    [Fact]
    public void Say_EveryNumber_SumsToTheNumberWordByWord()
    {
        string[] digits = ["nul", "unu", "du", "tri", "kvar", "kvin", "ses", "sep", "ok", "naŭ"];
        int ValueOf(string word)
        {
            var power = word.EndsWith("cent", StringComparison.Ordinal) ? 100 : word.EndsWith("dek", StringComparison.Ordinal) ? 10 : 1;
            var digit = power == 1 ? word : word[..^(power == 100 ? 4 : 3)];
            return power * (digit.Length == 0 ? 1 : Array.IndexOf(digits, digit));
        }

        for (var number = 0; number <= NumberWords.Max; number++)
            Assert.Equal(number, NumberWords.Say(number).Split(' ').Sum(ValueOf));
    }

    [Theory]
    [InlineData("undek")]
    [InlineData("unucent")]
    [InlineData("")]
    public void Read_NoNumber_GivesNull(string words) => Assert.Null(NumberWords.Read(words));

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void Say_OutOfRange_IsRefused(int number) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => NumberWords.Say(number));
}
