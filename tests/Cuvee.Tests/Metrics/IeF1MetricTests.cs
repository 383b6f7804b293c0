using Cuvee.Metrics;
using Cuvee.Numerics;

namespace Cuvee.Tests.Metrics;

public sealed class IeF1MetricTests
{
    private static readonly IeF1Metric Metric = new();

    [Fact]
    public void Count_PartOfADataSet_FollowsTheWhole()
    {
        string[] expected = [" none", " ada; oslo"];
        Assert.Equal(new MetricCounts(0, 1, 0), Metric.For(expected).Count([" none"], [" ada"])[0]); // spans without labels are items
        Assert.Equal(new MetricCounts(0, 0, 0), Metric.For([" none", " person: ada"]).Count([" none"], [" ada"])[0]);
        Assert.Equal(Metric.Count(expected, [" ada", " ada"]), Metric.For(expected).Count(expected, [" ada", " ada"]));
    }

    [Theory]
    [InlineData(" place: oslo; person: ada", " place: oslo; person: bob", 1, 2, 2)]
    [InlineData(" place: oslo", " PLACE:   Oslo ;place: oslo", 1, 1, 1)] // case, white space and repetition do not count
    [InlineData(" none", " none", 1, 1, 1)] // right, where nothing else is expected
    [InlineData(" none", " place: oslo", 0, 1, 0)]
    [InlineData(" place: oslo", "", 0, 0, 1)]
    [InlineData(" place: oslo", " None", 0, 0, 1)]
    [InlineData(" place: oslo", " i do not know", 0, 0, 1)] // not of the form: the empty set
    [InlineData(" place: oslo", " place: oslo; and so", 1, 1, 1)]
    [InlineData(" place: oslo", " place:", 0, 0, 1)]
    [InlineData(" lives in: ada, oslo", " lives in: oslo, ada", 0, 1, 1)] // the order of head and tail counts
    [InlineData(" hour: 10:30", " hour: 10:30", 1, 1, 1)]
    [InlineData(" oslo; ada", " ada; rome; oslo", 2, 3, 2)] // spans without types
    public void Count_OneRecord_CountsItemsAsSets(string expected, string answer, double matched, double predicted, double gold)
    {
        Assert.Equal([new MetricCounts(matched, predicted, gold)], Metric.Count([expected], [answer]));
    }

    [Fact]
    public void Count_UnlabelledGoldInDataSet_KeepsUnlabelledAnswers()
    {
        var counts = Metric.Count(["oslo", "none"], ["rome", "rome"]);

        Assert.Equal([new MetricCounts(0, 1, 1), new MetricCounts(0, 1, 0)], counts);
    }

    [Fact]
    public void Score_TwoRecords_MicroAverages()
    {
        var counts = Metric.Count(["a: x; a: y; a: z", "b: w"], ["a: x", "b: w; b: v; b: u"]);

        var score = MetricScore.Of(counts);

        Assert.Equal(2.0 / 4, score.Precision, 15); // x and w of x, w, v, u
        Assert.Equal(2.0 / 4, score.Recall, 15); // x and w of x, y, z, w
        Assert.Equal(0.5, score.Value, 15);
        Assert.Equal(2, score.Records);
    }

    [Fact]
    public void Score_NothingExpectedAndNothingGiven_IsRight()
    {
        IReadOnlyList<MetricCounts> Counts(params string[] answers) => Metric.Count(["none", "none"], answers);
        Assert.Equal(new MetricScore(1, 1, 1, 2), MetricScore.Of(Counts("none", "")));
        Assert.Equal(new ConfidenceInterval(1, 1, 1), Bootstrap.Interval(Counts("none", ""), seed: 1));
        Assert.Equal(new MetricScore(0, 0, 0, 2), MetricScore.Of(Counts("none", "dish: soup")));
        Assert.Equal(new MetricScore(0, 0, 0, 1), MetricScore.Of(Metric.Count(["dish: soup"], ["none"])));
    }

    [Fact]
    public void Count_DifferentNumbers_Throws()
    {
        Assert.Throws<ArgumentException>(() => Metric.Count(["none"], []));
    }

    [Fact]
    public void Score_RandomAnswers_EqualsCountingOverThePossibleItems()
    {
        // The twin never parses: it draws the sets first, counts over the universe of items, and only then writes them as text.
        string[] universe = ["dish: soup", "dish: pie", "price: cheap", "place: near me", "hours: late", "name: soup, pie"];
        var random = new SeededRandom(7);
        var expected = new List<string>();
        var answers = new List<string>();
        int both = 0, inAnswer = 0, inGold = 0;
        for (var record = 0; record < 200; record++)
        {
            var gold = universe.Select(_ => random.NextInt32(3) == 0).ToArray();
            var answer = universe.Select((_, i) => random.NextInt32(3) == 0 ? !gold[i] : gold[i]).ToArray();
            for (var i = 0; i < universe.Length; i++)
            {
                both += gold[i] && answer[i] ? 1 : 0;
                inAnswer += answer[i] ? 1 : 0;
                inGold += gold[i] ? 1 : 0;
            }

            expected.Add(Write(gold));
            answers.Add(Write(answer));
        }

        var score = MetricScore.Of(Metric.Count(expected, answers));

        var precision = (double)both / inAnswer;
        var recall = (double)both / inGold;
        Assert.Equal(precision, score.Precision, 12);
        Assert.Equal(recall, score.Recall, 12);
        Assert.Equal(2 * precision * recall / (precision + recall), score.Value, 12);

        string Write(bool[] chosen)
        {
            var items = universe.Where((_, i) => chosen[i]).ToArray();
            random.Shuffle<string>(items);
            return items.Length == 0 ? " none" : " " + string.Join("; ", items);
        }
    }
}
