using Cuvee.CommandLine;
using Cuvee.Metrics;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.FunctionalTests;

public sealed class CompareTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-compare-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Compare_OneRun_IsItsOwnTable()
    {
        var run = Write("one", seed: 1);
        var result = await CuveeRun.InProcessAsync("compare", run);
        Assert.Equal((ExitCode.Done, ""), (result.Code, result.Error));
        Assert.Equal(ComparisonTableText.Plain(ComparisonFile.Read(Path.Combine(run, "comparison.json")).Pooled), result.Output);
        var markdown = await CuveeRun.InProcessAsync("compare", run, "--format", "markdown");
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(run, "comparison.md")), markdown.Output);
    }

    [Fact]
    public async Task Compare_TwoSeeds_PoolsTheirRows()
    {
        string[] runs = [Write("one", seed: 1), Write("two", seed: 2, best: "ner-b")];
        var text = await CuveeRun.InProcessAsync(["compare", .. runs]);
        Assert.Equal(
            [
                "model", "base model", "best single adapter", "random (delta)",
                "means over 2 runs (seeds 1, 2); 95% intervals over runs and test records",
            ],
            text.Output.Split('\n').Take(5).Select(line => line.Split("  ")[0]));
        Assert.Equal(2, text.Output.Split('\n').Count(line => line.StartsWith("random (delta) minus ", StringComparison.Ordinal)));

        var json = await CuveeRun.InProcessAsync(["compare", .. runs, "--json"]);
        Assert.Equal([1, 2], json.Result["runs"]!.AsArray().Select(run => run!["seed"]!.GetValue<int>()));
        var keys = json.Result["rows"]!.AsArray().Select(row => row!["key"]!.GetValue<string>());
        Assert.Equal(["base", "best-single", "random (delta)"], keys);
        Assert.Equal(3, json.Result["differences"]!.AsArray().Count);
        Assert.Equal(json.Output, (await CuveeRun.InProcessAsync(["compare", .. runs, "--format", "json"])).Output);
        Assert.NotEqual(json.Output, (await CuveeRun.InProcessAsync(["compare", .. runs, "--json", "--resamples", "500"])).Output);
    }

    [Fact]
    public async Task Compare_Out_WritesTheFileAlone()
    {
        var (run, file) = (Write("one", seed: 1), Path.Combine(folder, "table.csv"));
        var result = await CuveeRun.InProcessAsync("compare", run, "--format", "csv", "--out", file);
        Assert.Equal((ExitCode.Done, ""), (result.Code, result.Output));
        Assert.Equal(1 + 3 + 3, (await File.ReadAllLinesAsync(file)).Length);
    }

    [Fact]
    public async Task Compare_WhatCannotBeCompared_IsRefusedInOneSentence()
    {
        var (one, other, unfinished) = (Write("one", seed: 1), Write("other", seed: 2, hash: 'b'), Write("unfinished", seed: 3));
        File.Delete(Path.Combine(unfinished, RunWriter.ManifestFileName));
        var bare = Write("bare", seed: 4);
        File.Delete(Path.Combine(bare, ComparisonTable.JsonFileName));
        foreach (var (named, arguments) in ((string, string[])[])
        [
            ("test_sha256", [one, other]), ("named twice", [one, one + "/"]), ("finished run", [folder]),
            ("--resume", [unfinished]), ("/nowhere: no such folder", ["/nowhere"]), ("has no 'compare'", [bare]),
            ("--format csv", [one, "--json", "--format", "csv"]), ("--resamples", [one, "--resamples", "0"]), ("compare --help", []),
        ])
        {
            var result = await CuveeRun.InProcessAsync(["compare", .. arguments]);
            Assert.Equal((ExitCode.BadInput, ""), (result.Code, result.Output));
            var sentence = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains(named, sentence, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Compare_RunsOfOtherBudgets_NamesTheDifference()
    {
        string[] runs = [Write("one", seed: 1), Write("two", seed: 2)];
        foreach (var (run, queries) in runs.Zip((int[])[500, 600]))
        {
            await File.WriteAllTextAsync(
                Path.Combine(run, RunIdentity.FileName), $$"""{"seed": {{queries}}, "search": {"budget": {"queries": {{queries}} } } }""");
        }

        var result = await CuveeRun.InProcessAsync(["compare", .. runs]);
        Assert.Equal(ExitCode.BadInput, result.Code);
        Assert.Contains("rows 'random (delta)' differ in 'search.budget.queries'", result.Error, StringComparison.Ordinal);
    }

    private string Write(string name, ulong seed, string best = "ner-a", char hash = 'a')
    {
        MeasuredRow Row(string key, string title, RowKind kind, double level) => new(key, title, kind, 10)
        {
            ValidationLoss = level,
            Losses = [.. Enumerable.Range(1, 8).Select(i => new Ratio(level * i * (1 + (((ulong)i * seed) % 3)), i))],
            Counts = [.. Enumerable.Range(1, 8).Select(i => new MetricCounts(kind == RowKind.Search ? 1 : i % 2, 2, 2))],
        };
        var run = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        new ComparisonTable
        {
            Title = "random (delta)",
            Seed = seed,
            PoolSize = 2,
            Metric = "ie-f1",
            HasPrecisionAndRecall = true,
            ValidationRecords = 4,
            TestSha256 = new string(hash, 64),
            TestIds = [.. Enumerable.Range(0, 8).Select(i => $"{i}")],
            Rows =
            [
                Row(RowKeys.Base, "base model", RowKind.Control, 2),
                Row(RowKeys.BestSingle, $"best single adapter ({best})", RowKind.Control, 1.5),
                Row("random (delta)", "random (delta)", RowKind.Search, 1),
            ],
        }.Write(run);
        File.WriteAllText(Path.Combine(run, RunWriter.ManifestFileName), "{}");
        return run;
    }
}
