using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Metrics;
using Cuvee.Reporting;

namespace Cuvee.Tests.Reporting;

public sealed class PooledTableTests
{
    [Fact]
    public void Of_OneRun_IsTheRunsOwnTable()
    {
        var table = TestTables.Create(seed: 3);
        var pooled = PooledTable.Of([("runs/a", table)]);

        Assert.Equal(ComparisonTableText.Plain(table.Pooled), ComparisonTableText.Plain(pooled));
        Assert.All(table.Rows.Zip(pooled.Rows), pair =>
        {
            Assert.Equal(Bootstrap.Interval(pair.First.Counts, table.Seed), pair.Second.Score);
            Assert.Equal(Bootstrap.Interval(pair.First.Losses, table.Seed), pair.Second.TestLoss);
            Assert.Equal(pair.First.Score.Precision, pair.Second.Precision);
        });
    }

    [Fact]
    public void Of_OneRun_EveryPairHasItsDifferenceMainSearchFirst()
    {
        var table = TestTables.Create(seed: 3);
        var (main, best) = (table.Rows[2], table.Rows[1]);

        Assert.Equal(
            [("fisher", "base"), ("fisher", "best"), ("fisher", "evo"), ("base", "best"), ("base", "evo"), ("best", "evo")],
            table.Differences.Select(difference => (difference.First.Split(' ', '-')[0], difference.Second.Split(' ', '-')[0])));
        Assert.Equal(Bootstrap.Difference(main.Counts, best.Counts, table.Seed), table.Differences[1].Score);
        Assert.Equal(Bootstrap.Difference(main.Losses, best.Losses, table.Seed), table.Differences[1].TestLoss);
        Assert.Equal(3, ComparisonTableText.Differences(table.Pooled).Count);
    }

    [Fact]
    public void Of_ThreeSeeds_NumbersAreMeansAndIntervalsCoverRunsAndRecords()
    {
        ComparisonTable[] tables = [TestTables.Create(1), TestTables.Create(2), TestTables.Create(3)];
        var pooled = PooledTable.Of([.. tables.Select(table => ($"run-{table.Seed}", table))]);

        var row = pooled.Rows[2];
        Assert.Equal((3, 200.0, 0.25), (row.Runs, row.Queries, row.ValidationScore));
        Assert.Equal(tables.Average(table => table.Rows[2].TestLoss), row.TestLoss.Value, 12);
        Assert.Equal(tables.Average(table => table.Rows[2].Score.Value), row.Score.Value, 12);
        Assert.Equal(Bootstrap.Resample([.. tables.Select(table => table.Rows[2].Losses)], seed: 1).Interval, row.TestLoss);
        Assert.Equal(
            Bootstrap.PooledDifference(
                [.. tables.Select(table => table.Rows[2].Losses)], [.. tables.Select(table => table.Rows[0].Losses)], seed: 1),
            pooled.Differences[0].TestLoss);
        Assert.Contains("means over 3 runs (seeds 1, 2, 3)", ComparisonTableText.Plain(pooled), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_OtherBestAdapter_PoolsByKeyUnderTheCommonName()
    {
        var other = TestTables.Create(2, best: "ner-b", took: ", took ner-b");
        var names = PooledTable.Of([("a", TestTables.Create(1)), ("b", other)]).Rows.Select(row => row.Name);
        Assert.Equal(["base model", "best single adapter", "fisher-probing (delta)", "evo-merging (delta)"], names);
        names = PooledTable.Of([("a", TestTables.Create(1)), ("b", TestTables.Create(2))]).Rows.Select(row => row.Name);
        Assert.Contains("best single adapter (ner-a)", names);
    }

    [Fact]
    public void Of_RowMissingInARun_IsPooledOverTheOthersAndMarked()
    {
        ComparisonTable[] tables = [TestTables.Create(1, withBase: false), TestTables.Create(2), TestTables.Create(3)];
        var pooled = PooledTable.Of([.. tables.Select(table => ($"run-{table.Seed}", table))]);

        var row = pooled.Rows.Single(row => row.Key == RowKeys.Base);
        Assert.Equal(2, row.Runs);
        Assert.Equal((tables[1].Rows[0].TestLoss + tables[2].Rows[0].TestLoss) / 2, row.TestLoss.Value, 12);
        var difference = pooled.Differences.Single(pair => pair.First == "fisher-probing (delta)" && pair.Second == "base model");
        Assert.Equal(2, difference.Runs);
        var text = ComparisonTableText.Plain(pooled);
        Assert.Contains("base model [2 of 3 runs] ", text, StringComparison.Ordinal);
        Assert.Contains("minus base model [2 of 3 runs]: ", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("accuracy", 'a', "runs/a and runs/b: measured with different metrics, ie-f1 and accuracy; compare runs of one metric.")]
    [InlineData(
        "ie-f1", 'b', "runs/a and runs/b: measured on different test records ('test_sha256'); compare runs of one test file.")]
    public void Of_OtherMetricOrTestFile_NamesBothRuns(string metric, char hash, string message)
    {
        var exception = Assert.Throws<BadInputException>(() =>
            PooledTable.Of([("runs/a", TestTables.Create(1)), ("runs/b", TestTables.Create(2, metric: metric, hash: hash))]));
        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void Of_RunsThatAreNoSeedsOfOneRunFile_AreRefused()
    {
        string Refusal(ComparisonTable other) => Assert.Throws<BadInputException>(
            () => PooledTable.Of([("runs/a", TestTables.Create(1)), ("runs/b", other)])).Message;
        Assert.Contains(
            "pools of 5 and 4 adapters, 20 and 20 validation", Refusal(TestTables.Create(2, pool: 4)), StringComparison.Ordinal);
        Assert.Contains(
            "runs/a and runs/b: both are fisher-probing (delta) with seed 1", Refusal(TestTables.Create(1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_SameKeyTwice_TheSecondGetsANumber()
    {
        var table = TestTables.Create(1);
        var twice = With(table, [table.Rows[2], table.Rows[2]]);
        Assert.Equal(["fisher-probing (delta)", "fisher-probing (delta), 2"], twice.Rows.Select(row => row.Key));
        Assert.Equal(new ConfidenceInterval(0, 0, 0), twice.Differences.Single().Score);
    }

    /// <summary>A provider that only answers has no losses, and none are shown.</summary>
    [Fact]
    public void Plain_NothingScored_HasNoLosses()
    {
        var table = TestTables.Create(1);
        Assert.Contains("test loss", ComparisonTableText.Plain(table.Pooled), StringComparison.Ordinal);
        var unscored = With(
            table, [.. table.Rows.Select(row => row with { ValidationLoss = 0, Losses = [.. row.Losses.Select(_ => default(Ratio))] })]);
        var text = ComparisonTableText.Plain(unscored.Pooled);
        Assert.DoesNotContain("loss", text, StringComparison.Ordinal);
        Assert.Contains("points of ie-f1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Csv_Table_OneLineARowAndAPair()
    {
        var table = TestTables.Create(1, best: "a, \"b\"");
        var lines = ComparisonTableText.Csv(table.Pooled).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1 + 4 + 6, lines.Length);
        Assert.StartsWith("kind,model,minus,runs,", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("control,\"best single adapter (a, \"\"b\"\")\",,1,100,1.5,,", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("difference,fisher-probing (delta),base model,1,,,,", lines[5], StringComparison.Ordinal);
        Assert.All(lines.Where(line => !line.Contains('"', StringComparison.Ordinal)), line => Assert.Equal(14, line.Count(c => c == ',')));
    }

    [Fact]
    public void Json_TwoRuns_HasEveryPairAndTheRuns()
    {
        var json = ComparisonTableJson.Of(PooledTable.Of([("a", TestTables.Create(1)), ("b", TestTables.Create(2))], resamples: 200));
        Assert.Equal(["a", "b"], json["runs"]!.AsArray().Select(run => run!["run"]!.GetValue<string>()));
        Assert.Equal(6, json["differences"]!.AsArray().Count);
        Assert.All(json["rows"]!.AsArray(), row => Assert.Equal(2, row!["runs"]!.GetValue<int>()));
        Assert.Null(json["rows"]![0]!["records"]);
        Assert.True(JsonNode.DeepEquals(
            json,
            ComparisonTableJson.Of(PooledTable.Of([("a", TestTables.Create(1)), ("b", TestTables.Create(2))], resamples: 200))));
    }

    internal static ComparisonTable With(ComparisonTable table, IReadOnlyList<MeasuredRow> rows) => new()
    {
        Title = table.Title,
        Seed = table.Seed,
        PoolSize = table.PoolSize,
        Metric = table.Metric,
        HasPrecisionAndRecall = table.HasPrecisionAndRecall,
        ValidationRecords = table.ValidationRecords,
        TestSha256 = table.TestSha256,
        TestIds = table.TestIds,
        Rows = rows,
    };
}
