using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Metrics;
using Cuvee.Planning;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Controls that a table holds where its run file asks for them, on the real engine.</summary>
public sealed class FurtherControlsTests : IDisposable
{
    private const string Search = "search: random\nseed: 3\nbudget: { evaluations: 20 }\nsettings: { population: 8 }\n";

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task ExecuteAsync_AllControls_StandBeforeTheSearches()
    {
        var table = await TableAsync("random_draws: 2, random_adapters: 2, few_shot: 3");
        Assert.Equal(
            [
                RowKeys.Base, RowKeys.Uniform, RowKeys.BestSingle, RowKeys.RandomWeights, RowKeys.RandomAdapters, RowKeys.FewShot,
                "random weights (delta)",
            ],
            table.Rows.Select(row => row.Key));
        Assert.Equal("random adapters, averaged (2 of 3, 2 draws)", Row(table, RowKeys.RandomAdapters).Name);
        Assert.Equal("base model, few-shot (3 examples)", Row(table, RowKeys.FewShot).Name);
        Assert.Equal(6, table.Rows.Count(row => row.Kind == RowKind.Control));
        Assert.Equal(table.Rows.Select(row => row.Key), ComparisonFile.Read(Path.Combine(zoo.Folder, "out", "comparison.json"))
            .Rows.Select(row => row.Key));
    }

    [Fact]
    public async Task ExecuteAsync_SearchThatTookTheBestSingle_SaysSoInItsRow()
    {
        // It begins far from anything good and hardly moves.
        var shares = ((string[])["adapter-a", "adapter-b", "adapter-c"]).Select(name => new AdapterShare(name, -1.5));
        RecipeJson.Write(Path.Combine(zoo.Folder, "poor.json"), new WeightedRecipe(MergeSpace.Delta, [.. shares]));
        var configuration = zoo.Configure(
            "search: cma-es\nspace: delta\nseed: 3\nstart: poor.json\nbudget: { evaluations: 16 }\ncompare: { metric: rouge-l }\n" +
            "settings: { step_size: 0.001, population: 6, sample: 2, held_out: 0 }");
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync(
            RunPlanner.Plan(configuration), CancellationToken.None);
        Assert.True(report.Results[0].IsSingle);
        var row = report.Table!.Rows[^1];
        Assert.Equal($"{row.Key}, took {report.Results[0].Verdict.Single.Name}", row.Name);
    }

    [Fact]
    public async Task ExecuteAsync_RandomAdapters_ArePooledAveragesOfWhatWasDrawn()
    {
        var table = await TableAsync("random_draws: 3, random_adapters: 1");
        var names = (string[])["adapter-a", "adapter-b", "adapter-c"];
        using var model = EmbeddedModel.Load(zoo.ModelFolder);
        var pool = AdapterPool.Load(zoo.PoolFolder);
        var records = RecordFile.Read(Path.Combine(zoo.Folder, "test.jsonl"));
        var losses = new List<IReadOnlyList<ScoredCompletion>>();
        foreach (var name in names)
        {
            var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(name, 1)]);
            losses.Add(await AdaptedModel.Create(model, pool, recipe).ScoreAsync(records, CancellationToken.None));
        }

        // Three draws of one adapter each: the row is the mean of one of the 27 choices.
        var possible = from a in losses from b in losses from c in losses select MeanLoss.Of([.. a, .. b, .. c]);
        var row = Row(table, RowKeys.RandomAdapters);
        Assert.Contains(possible, loss => Math.Abs(loss - row.TestLoss) < 1e-5);
    }

    [Fact]
    public async Task ExecuteAsync_AllAdaptersDrawn_IsTheUniformAverage()
    {
        var table = await TableAsync("random_draws: 1, random_adapters: 3");
        var (drawn, uniform) = (Row(table, RowKeys.RandomAdapters), Row(table, RowKeys.Uniform));
        Assert.Equal((uniform.ValidationLoss, uniform.TestLoss), (drawn.ValidationLoss, drawn.TestLoss));
        Assert.Equal(uniform.Counts, drawn.Counts);
    }

    [Fact]
    public async Task ExecuteAsync_RandomAdaptersAuto_AsManyAsTheResultRestsOn()
    {
        var report = await RunAsync("random_draws: 1, random_adapters: auto");
        var weights = ((WeightedRecipe)report.Results[0].Stages[^1].Recipe).Adapters.Select(share => share.Weight * share.Weight)
            .OrderDescending().ToList();
        var expected = Enumerable.Range(1, 3).First(count => weights.Take(count).Sum() >= 0.9 * weights.Sum());
        Assert.Equal($"random adapters, averaged ({expected} of 3, 1 draws)", Row(report.Table!, RowKeys.RandomAdapters).Name);
    }

    [Fact]
    public async Task ExecuteAsync_FewShot_IsTheBaseModelAskedWithExamples()
    {
        const string Compare = "random_draws: 1, few_shot: 2";
        var table = await TableAsync(Compare);
        var row = Row(table, RowKeys.FewShot);
        var plan = RunPlanner.Plan(Configure(Compare), resume: true)[0];

        // By hand: the model itself, joined texts, answers cut at the first blank line.
        var front = string.Concat(plan.FewShot!.Examples.Select(i => plan.Validation[i])
            .Select(example => $"{example.Prompt}{example.Completion}\n\n"));
        var asked = plan.Test!.Select(record => record with { Prompt = front + record.Prompt }).ToList();
        using var model = EmbeddedModel.Load(zoo.ModelFolder);
        Assert.Equal(MeanLoss.Of(await model.ScoreAsync(asked, CancellationToken.None)), row.TestLoss, 1e-6);
        var answers = await model.GenerateAsync(
            [.. asked.Select(record => record.Prompt)], new GenerationOptions { MaxTokens = 6 }, CancellationToken.None);
        var counts = MetricCatalog.Get("rouge-l").Count(
            [.. asked.Select(record => record.Completion)], [.. answers.Select(answer => answer.Text.Split("\n\n")[0])]);
        Assert.Equal(counts, row.Counts);

        // It is another question than the bare one, and it costs no query to find.
        Assert.NotEqual(Row(table, RowKeys.Base).TestLoss, row.TestLoss);
        Assert.Equal(0, row.Queries);
    }

    [Fact]
    public async Task ExecuteAsync_FewShot_IsOnTheTablesBill()
    {
        await TableAsync("random_draws: 1", "plain");
        await TableAsync("random_draws: 1, few_shot: 2", "shown");
        var (plain, shown) = (Spending("plain"), Spending("shown"));
        Assert.Equal(2 * (24 + 12), shown.Queries - plain.Queries); // loss and answers of all records

        // The mean query of the row is longer than the other rows': its scores book two solved examples each.
        Assert.True((shown.Tokens - plain.Tokens) / 72.0 > 1.5 * plain.Tokens / plain.Queries, $"{plain} {shown}");
    }

    [Fact]
    public async Task ExecuteAsync_OtherExamplesOnResume_AreRefusedByName()
    {
        await TableAsync("random_draws: 1, few_shot: 2");
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync("random_draws: 1, few_shot: 3", resume: true));
        Assert.Contains("differs in 'compare.few_shot'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_NotAskedFor_RunAndTableAreAsBefore()
    {
        var table = await TableAsync("random_draws: 1");
        Assert.Equal(
            [RowKeys.Base, RowKeys.Uniform, RowKeys.BestSingle, RowKeys.RandomWeights],
            table.Rows.Where(row => row.Kind == RowKind.Control).Select(row => row.Key));
        var identity = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(zoo.Folder, "out", RunIdentity.FileName)))!;
        Assert.Equal(["metric", "random_draws", "searches"], identity["compare"]!.AsObject().Select(pair => pair.Key).Order());
    }

    private static MeasuredRow Row(ComparisonTable table, string key) => table.Rows.Single(row => row.Key == key);

    private (long Queries, long Tokens) Spending(string output)
    {
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(zoo.Folder, output, RunWriter.ManifestFileName)))!;
        return (manifest["comparison"]!["queries"]!.GetValue<long>(), manifest["comparison"]!["tokens"]!.GetValue<long>());
    }

    private RunConfiguration Configure(string compare, string output = "out") =>
        zoo.Configure($"{Search}compare: {{ metric: rouge-l, max_tokens: 6, {compare} }}", output);

    private async Task<ComparisonTable> TableAsync(string compare, string output = "out") => (await RunAsync(compare, output)).Table!;

    private Task<MergeReport> RunAsync(string compare, string output = "out", bool resume = false) =>
        new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync(
            RunPlanner.Plan(Configure(compare, output), resume), CancellationToken.None);
}
