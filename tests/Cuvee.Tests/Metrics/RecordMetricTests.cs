using Cuvee.Metrics;
using Cuvee.Numerics;

namespace Cuvee.Tests.Metrics;

public sealed class RecordMetricTests
{
    [Theory]
    [InlineData("exact-match", " yes", "yes ", 1)]
    [InlineData("exact-match", "yes", "Yes", 0)]
    [InlineData("accuracy", " card  lost", "Card Lost", 1)]
    [InlineData("accuracy", "card lost", "card", 0)]
    [InlineData("rouge-l", "the cat sat on the mat", "the cat on a mat", 8.0 / 11)] // the, cat, on, mat of 6 and 5 words
    [InlineData("rouge-l", "A b-c!", "a, b c", 1)]
    [InlineData("rouge-l", "a b", "b a", 0.5)]
    [InlineData("rouge-l", "a", "", 0)]
    [InlineData("rouge-l", "", "", 0)]
    public void Count_OneRecord_GivesTheValueByHand(string metric, string expected, string answer, double value)
    {
        var counts = MetricCatalog.Get(metric).Count([expected], [answer]);

        Assert.Equal(value, MetricScore.Of(counts).Value, 15);
        Assert.False(MetricCatalog.Get(metric).HasPrecisionAndRecall);
    }

    [Fact]
    public void Score_SeveralRecords_IsTheMean()
    {
        var counts = new RougeLMetric().Count(["a b", "a b", "c"], ["a b", "b a", "d"]);

        Assert.Equal((1 + 0.5 + 0) / 3, MetricScore.Of(counts).Value, 15);
    }

    [Fact]
    public void RougeL_RandomWords_EqualsSearchOverAllSubsequences()
    {
        var random = new SeededRandom(11);
        for (var trial = 0; trial < 60; trial++)
        {
            var left = Words(1 + random.NextInt32(8));
            var right = Words(1 + random.NextInt32(8));

            var value = MetricScore.Of(new RougeLMetric().Count([string.Join(' ', left)], [string.Join(' ', right)])).Value;

            var longest = Enumerable.Range(0, 1 << left.Length)
                .Select(mask => left.Where((_, i) => (mask >> i & 1) == 1).ToArray())
                .Where(chosen => IsSubsequence(chosen, right))
                .Max(chosen => chosen.Length);
            Assert.Equal(2.0 * longest / (left.Length + right.Length), value, 15);
        }

        string[] Words(int count) => [.. Enumerable.Range(0, count).Select(_ => "abc"[random.NextInt32(3)].ToString())];

        static bool IsSubsequence(string[] words, string[] text)
        {
            var found = 0;
            foreach (var word in text)
            {
                if (found < words.Length && word == words[found]) found++;
            }

            return found == words.Length;
        }
    }

    [Fact]
    public void Get_UnknownName_ListsTheNames()
    {
        var exception = Assert.Throws<ArgumentException>(() => MetricCatalog.Get("bleu"));

        Assert.Contains("ie-f1, exact-match, accuracy, rouge-l", exception.Message, StringComparison.Ordinal);
    }
}
