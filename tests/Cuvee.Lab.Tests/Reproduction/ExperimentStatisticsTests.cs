using Cuvee.Lab.Reproduction;
using Cuvee.Metrics;
using Cuvee.Numerics;
using Cuvee.Reporting;

namespace Cuvee.Lab.Tests.Reproduction;

public sealed class ExperimentStatisticsTests
{
    [Fact]
    public void Average_TwoTargetsTwoSeeds_IsTheMeanOfTheMeansByHand()
    {
        var statistics = new ExperimentStatistics(
            [
                Target("a", "a", ("main", [Row(1, [(1, 2), (0, 2)]), Row(3, [(2, 2), (1, 2)])])),
                Target("b", "b", ("main", [Row(5, [(0, 4), (1, 4)]), Row(7, [(4, 4), (4, 4)])])),
            ],
            "main");

        var row = Assert.Single(statistics.Average(["main"]));
        // F1 = 2 matched / (predicted + expected): a: 1/4 and 3/4, b: 1/8 and 1; losses are the rows' own.
        Assert.Equal(((0.25 + 0.75) / 2 + (0.125 + 1.0) / 2) / 2, row.Score.Value, 12);
        Assert.Equal(((1 + 3) / 2.0 + (5 + 7) / 2.0) / 2, row.TestLoss.Value, 12);
        Assert.Equal((2, 40.0, 20.0), (row.Targets, row.Tokens, row.Queries));
        Assert.Null(row.ScoreDifference);
    }

    [Fact]
    public void Average_OneTarget_IntervalIsThatOfAWrittenOutBootstrap()
    {
        (double Matched, double All)[][] seeds = [[(1, 2), (0, 2), (2, 2)], [(2, 2), (1, 2), (0, 2)]];
        var statistics = new ExperimentStatistics(
            [Target("a", "case", ("main", [.. seeds.Select(seed => Row(1, seed))]))], "main", resamples: 200);

        var records = SeededRandom.Derive(SeededRandom.Derive(2509, "records/a").NextUInt64(), "bootstrap");
        var runs = SeededRandom.Derive(SeededRandom.Derive(2509, "runs/case").NextUInt64(), "bootstrap-runs");
        var estimates = new double[200];
        for (var r = 0; r < estimates.Length; r++)
        {
            int[] drawn = [records.NextInt32(3), records.NextInt32(3), records.NextInt32(3)];
            var seed = seeds[runs.NextInt32(2)]; // one fewer than there are
            estimates[r] = drawn.Sum(i => 2 * seed[i].Matched) / drawn.Sum(i => 2 * seed[i].All);
        }

        Array.Sort(estimates);
        var row = Assert.Single(statistics.Average(["main"]));
        Assert.Equal(estimates[4] + (0.975 * (estimates[5] - estimates[4])), row.Score.Lower, 12); // 0.025 * 199 = 4.975
        Assert.Equal(estimates[194] + (0.025 * (estimates[195] - estimates[194])), row.Score.Upper, 12);
        Assert.True(row.Score.Lower < row.Score.Upper);
    }

    [Fact]
    public void Average_TargetsOfOneCase_ShareTheDrawOfSeeds()
    {
        // What one seed gains on a it loses on b: of the same runs, the average is always a half.
        (string, MeasuredRow[]) Rows(int first, int second) => ("main", [Row(1, [(first, 1)]), Row(1, [(second, 1)])]);
        ConfidenceInterval Of(string caseOfB) => new ExperimentStatistics(
            [Target("a", "one", Rows(0, 1)), Target("b", caseOfB, Rows(1, 0))], "main").Average(["main"]).Single().Score;

        Assert.Equal(new ConfidenceInterval(0.5, 0.5, 0.5), Of("one"));
        Assert.Equal(new ConfidenceInterval(0.5, 0, 1), Of("another"));
    }

    [Fact]
    public void Average_TargetsOfTheSameTexts_ShareTheDrawOfRecords()
    {
        // What one record gains on a it loses on b: of the same records, the average is always a half.
        MeasuredTarget Of(string name, string dataSet, int first, int second) =>
            Target(name, name, ("main", [Row(1, [(first, 1), (second, 1)])])) with { DataSet = dataSet };
        ConfidenceInterval Average(string dataSetOfB) =>
            new ExperimentStatistics([Of("ner-x", "x", 0, 1), Of("et-x", dataSetOfB, 1, 0)], "main").Average(["main"]).Single().Score;

        Assert.Equal(new ConfidenceInterval(0.5, 0.5, 0.5), Average("x"));
        Assert.Equal(new ConfidenceInterval(0.5, 0, 1), Average("y"));
    }

    [Fact]
    public void Difference_RowsWithAConstantGap_HasNoSpreadThoughTheRowsDo()
    {
        var statistics = new ExperimentStatistics(
            [
                Target("a", "a", ("main", [Row(2, [(0, 2), (2, 2)]), Row(4, [(1, 2), (2, 2)])]),
                    ("other", [Row(1.5, [(0, 2), (2, 2)]), Row(3.5, [(1, 2), (2, 2)])])),
                Target("b", "b", ("main", [Row(2, [(1, 2), (1, 2)]), Row(4, [(1, 2), (1, 2)])])), // has no other row
            ],
            "main");

        var other = statistics.Average(["main", "other"])[1];
        Assert.Equal(1, other.Targets);
        Assert.Equal(new ConfidenceInterval(-0.5, -0.5, -0.5), other.LossDifference);
        Assert.Equal(new ConfidenceInterval(0, 0, 0), other.ScoreDifference);
        Assert.True(other.Score.Upper > other.Score.Lower);
        Assert.Equal(new ConfidenceInterval(0.5, 0.5, 0.5), statistics.Difference("main", "other")!.Value.Loss);
        Assert.Null(statistics.Difference("main", "unknown"));
    }

    [Theory]
    [InlineData(0.01, 0.2, ClaimResult.Holds)]
    [InlineData(-0.2, -0.01, ClaimResult.Reversed)]
    [InlineData(-0.1, 0.1, ClaimResult.Undecided)]
    [InlineData(0, 0.1, ClaimResult.Undecided)]
    public void VerdictOf_Interval_DecidesByZero(double lower, double upper, string verdict) =>
        Assert.Equal(verdict, ClaimResult.VerdictOf(new ConfidenceInterval((lower + upper) / 2, lower, upper)));

    private static MeasuredTarget Target(string name, string task, params (string Key, MeasuredRow[] Seeds)[] rows) => new(
        name, task, name, 3, 8, rows.ToDictionary(
            row => row.Key, row => (IReadOnlyList<(MeasuredRow, long)>)[.. row.Seeds.Select(seed => (seed, 40L))]));

    /// <param name="loss">Of every record, one token each.</param>
    private static MeasuredRow Row(double loss, (double Matched, double All)[] counts) => new("key", "name", RowKind.Search, 20)
    {
        ValidationLoss = 1,
        Losses = [.. counts.Select(_ => new Ratio(loss, 1))],
        Counts = [.. counts.Select(count => new MetricCounts(count.Matched, count.All, count.All))],
    };
}
