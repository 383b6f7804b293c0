using Cuvee.Lab.Data;
using Cuvee.Lab.Grammar;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.Grammar;

public sealed class SentenceGrammarTests
{
    private const string Small = """
        # a comment
        <start>:
          3* a~ <thing> | find a~ {dish: <thing> with <thing>} (now|)
        <thing>:
          apple | egg
          bun
        """;

    [Fact]
    public void Sample_SmallGrammar_WritesOnlyItsSentencesWithTheirSpans()
    {
        var grammar = SentenceGrammar.Parse(Small, "small");
        string[] things = ["apple", "egg", "bun"];
        var plain = things.Select(t => $"{Article(t)} {t}").ToArray();
        var dishes = things.SelectMany(a =>
            things.SelectMany(b => new[] { "", " now" }.Select(end => $"find {Article(a)} {a} with {b}{end}")))
            .ToArray();
        var random = new SeededRandom(3);

        var seen = new Dictionary<string, int>();
        for (var i = 0; i < 8000; i++)
        {
            var record = grammar.Sample("start", random);
            seen[record.Text] = seen.GetValueOrDefault(record.Text) + 1;
            if (plain.Contains(record.Text)) Assert.Empty(record.Entities);
            else Assert.Equal([new Entity("dish", record.Text["find a ".Length..].TrimStart().Replace(" now", ""))], record.Entities);
        }

        Assert.Equal(plain.Concat(dishes).Order(StringComparer.Ordinal), seen.Keys.Order(StringComparer.Ordinal));
        Assert.InRange(plain.Sum(p => seen[p]), 5800, 6200); // weight 3 of 4; standard deviation 39

        static string Article(string word) => word == "bun" ? "a" : "an";
    }

    [Fact]
    public void Sample_SameSeed_IsTheSame()
    {
        var grammar = SentenceGrammar.Parse(Small, "small");

        Assert.Equal(Texts(), Texts());

        string[] Texts()
        {
            var random = new SeededRandom(8);
            return [.. Enumerable.Range(0, 20).Select(_ => grammar.Sample("start", random).Text)];
        }
    }

    [Theory]
    [InlineData("<a>:\n  <b>\n", "mentions <b>")]
    [InlineData("<a>:\n  x\n<a>:\n  y\n", "line 3: <a> is defined twice")]
    [InlineData("<a>:\n", "<a> has no alternative")]
    [InlineData("  x\n", "line 1: an alternative before the first rule")]
    [InlineData("a:\n  x\n", "line 1: expected")]
    [InlineData("<a>:\n  (x|y\n", "line 2, column 7: expected ')'")]
    [InlineData("<a>:\n  x)\n", "line 2, column 4: unexpected ')'")]
    [InlineData("<a>:\n  {type x}\n", "expected a name and ':'")]
    [InlineData("<a>:\n  0* x\n", "weight must be at least 1")]
    [InlineData("<a>:\n  x>\n", "unexpected '>'")]
    public void Parse_BadNotation_NamesTheLine(string text, string what)
    {
        var exception = Assert.Throws<InvalidDataException>(() => SentenceGrammar.Parse(text, "bad.grammar"));

        Assert.StartsWith("bad.grammar", exception.Message, StringComparison.Ordinal);
        Assert.Contains(what, exception.Message, StringComparison.Ordinal);
    }
}
