using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Journaling;
using Cuvee.Planning;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Whole runs on the real engine, a random model and random adapters.</summary>
public sealed class MergeRunTests : IDisposable
{
    private const string Compared = """
        search: evo-merging
        seed: 3
        budget: { evaluations: 80 }
        settings: { population: 8, sample: 8 }
        compare:
          random_draws: 2
          max_tokens: 4
          metric: rouge-l
          searches:
            - { search: evo-merging, space: factors, budget: { evaluations: 60 }, settings: { population: 8, sample: 6 } }
            - { search: fisher-probing, budget: { queries: 300 } }
        """;

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task ExecuteAsync_WithComparison_MeasuresSearchesBesideControls()
    {
        var log = new EventLog();
        var report = await RunAsync(Compared, log: log);
        var table = report.Table!;
        var searches = ((string[])["evo-merging (delta)", "evo-merging (factors)", "fisher-probing (delta)"]).Zip(
            report.Results, (title, result) => result.IsSingle ? $"{title}, took {result.Verdict.Single.Name}" : title);
        Assert.Equal(
            ["base model", "uniform average", "best single adapter", "random weights", .. searches],
            table.Rows.Select(row => row.Name.Split(" (adapter")[0].Split(", same")[0]));
        Assert.Equal(7 * 6 / 2, table.Differences.Count);
        Assert.Equal(6, ComparisonTableText.Differences(table.Pooled).Count);
        Assert.Equal(2 * ((3 * 8) + (2 * 16)), table.Rows[2].Queries); // by loss and by metric, halving: three on 8 records, two on 24
        Assert.True(table.Rows[2].ValidationLoss >= table.Rows[4].ValidationLoss, "the best single adapter is the least that ships");
        Assert.Equal(report.Results[0].ValidationLoss, table.Rows[4].ValidationLoss, 1e-9);
        Assert.Equal(report.Results[0].StartLoss, table.Rows[1].ValidationLoss, 1e-9);
        Assert.All(table.Pooled.Rows, row => Assert.InRange(row.Score.Value, row.Score.Lower, row.Score.Upper));
        Assert.Equal(3, log.Of<RunFinished>().Count());

        var json = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(zoo.Folder, "out", ComparisonTable.JsonFileName)))!;
        Assert.Equal(7, json["rows"]!.AsArray().Count);
        Assert.Equal(table.Rows[4].TestLoss, json["rows"]![4]!["test_loss"]!.GetValue<double>());
        var plain = ComparisonTableText.Plain(table.Pooled);
        Assert.All(table.Rows, row => Assert.Contains(row.Name, plain, StringComparison.Ordinal));
        Assert.Equal(2 + 7, (await File.ReadAllLinesAsync(Path.Combine(zoo.Folder, "out", ComparisonTable.MarkdownFileName))).Count(line =>
            line.StartsWith('|')));
    }

    [Theory]
    [InlineData("delta")]
    [InlineData("factors")]
    public async Task ExecuteAsync_Finished_WrittenAdapterScoresLikeTheRecipe(string space)
    {
        var result = (await RunAsync(
            $"search: evo-merging\nspace: {space}\nbudget: {{ evaluations: 30 }}\nsettings: {{ population: 8 }}")).Results[0];
        using var baseModel = EmbeddedModel.Load(zoo.ModelFolder);
        var adapted = AdaptedModel.Create(baseModel, PeftReader.Read(result.Out));
        var records = Cuvee.Data.RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        var loss = MeanLoss.Of(await adapted.ScoreAsync(records, CancellationToken.None));
        Assert.Equal(result.ValidationLoss, loss, 1e-4 * Math.Max(1, loss));
    }

    /// <summary>The recipe, read back, is the same model by the engine and as the adapter that was written.</summary>
    [Fact]
    public async Task ExecuteAsync_WeightsOfLayers_LowerTheLossAndAreWhatIsWritten()
    {
        var result = (await RunAsync(
            "search: fisher-probing\nfallback: none\nbudget: { queries: 2000 }\nsettings: { probe_records: 12, layer_adapters: 2 }\n" +
            "output: { dtype: f32 }"))
            .Results[0];
        Assert.Equal(["weights", "layers"], result.Stages.Select(stage => stage.Name));
        Assert.True(result.Stages[1].Value.Loss < result.Stages[0].Value.Loss - 0.005, "the real engine's loss depends on layers");
        Assert.Equal(result.Stages[1].Value.Loss, result.ValidationLoss, 1e-9);
        var recipe = (Cuvee.Merging.WeightedRecipe)Cuvee.Merging.RecipeJson.Read(Path.Combine(result.Out, "recipe.json"));
        Assert.Equal(2, recipe.Adapters.Count(share => share.GroupWeights.Select(group => group.Value).Distinct().Count() == 2));

        var records = Cuvee.Data.RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        using var baseModel = EmbeddedModel.Load(zoo.ModelFolder);
        foreach (var model in (EmbeddedModel[])
        [
            AdaptedModel.Create(baseModel, Cuvee.Merging.AdapterPool.Load(zoo.PoolFolder), recipe),
            AdaptedModel.Create(baseModel, PeftReader.Read(result.Out)),
        ])
        {
            var loss = MeanLoss.Of(await model.ScoreAsync(records, CancellationToken.None));
            Assert.Equal(result.ValidationLoss, loss, 1e-3 * Math.Max(1, loss));
        }
    }

    [Fact]
    public async Task ExecuteAsync_Finished_ManifestTellsHowToRepeatIt()
    {
        var report = await RunAsync("search: fisher-probing\nbudget: { queries: 400 }");
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(report.Results[0].Out, "merge_manifest.json")))!;
        Assert.Equal(zoo.Configure("search: fisher-probing\nbudget: { queries: 400 }").Text, manifest["configuration"]!.GetValue<string>());
        Assert.Equal(report.Results[0].Spending.Queries, manifest["queries"]!.GetValue<long>());
        var path = Path.Combine(zoo.PoolFolder, "adapter-a", "adapter_model.safetensors");
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(path)));
        Assert.Equal(hash, manifest["inputs"]!["pool/adapter-a/adapter_model.safetensors"]!.GetValue<string>());
        Assert.Equal(42, manifest["seed"]!.GetValue<int>());
        Assert.InRange(manifest["wall_time_seconds"]!.GetValue<double>(), 0.001, 600);
    }

    [Fact]
    public async Task ExecuteAsync_RealEngineKilledHalfway_ResumesToTheSameBytes()
    {
        const string Settings = "search: fisher-probing\nbudget: { queries: 500 }";
        await RunAsync(Settings, "whole");
        var journal = Path.Combine(zoo.Folder, "whole", ObservationJournal.FileName);
        var cut = Directory.CreateDirectory(Path.Combine(zoo.Folder, "cut")).FullName;
        File.Copy(Path.Combine(zoo.Folder, "whole", RunIdentity.FileName), Path.Combine(cut, RunIdentity.FileName));
        var bytes = await File.ReadAllBytesAsync(journal);
        await File.WriteAllBytesAsync(Path.Combine(cut, ObservationJournal.FileName), bytes[..(bytes.Length / 2)]);
        await RunAsync(Settings, "cut", resume: true);
        foreach (var file in (string[])[EvaluationLog.FileName, "adapter_model.safetensors", "recipe.json", "README.md"])
        {
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(zoo.Folder, "whole", file)),
                await File.ReadAllBytesAsync(Path.Combine(cut, file)));
        }
    }

    [Fact]
    public async Task ExecuteAsync_CutWhileTheTableIsMeasured_UnfinishedUntilItIsThere()
    {
        const string Settings = """
            search: random
            budget: { evaluations: 20 }
            settings: { population: 8 }
            compare: { metric: rouge-l, max_tokens: 2, random_draws: 1 }
            """;
        var (folder, manifest) = (Path.Combine(zoo.Folder, "table"), Path.Combine(zoo.Folder, "table", RunWriter.ManifestFileName));
        using var stop = new CancellationTokenSource();
        var cut = new MergeRun(TimeProvider.System, new CutAt<ComparisonRowStarted>(stop));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => cut.ExecuteAsync(RunPlanner.Plan(zoo.Configure(Settings, "table")), stop.Token));
        Assert.True(File.Exists(Path.Combine(folder, "adapter_model.safetensors")));
        Assert.False(File.Exists(manifest));

        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync(
            RunPlanner.Plan(zoo.Configure(Settings, "table"), resume: true), CancellationToken.None);
        var json = JsonNode.Parse(await File.ReadAllTextAsync(manifest))!;

        // Base, uniform, best single and random weights, and the result: loss and answers of 24 validation and 12 test records each,
        // once where two rows have one recipe.
        var recipes = report.Table!.Rows.Select(row => row.ValidationLoss).Distinct().Count();
        Assert.Equal(recipes * 2 * (24 + 12), json["comparison"]!["queries"]!.GetValue<int>());

        // While a finished run is worked on again, it does not look finished.
        using var again = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new MergeRun(TimeProvider.System, new CutAt<StageStarted>(again))
            .ExecuteAsync(RunPlanner.Plan(zoo.Configure(Settings, "table"), resume: true), again.Token));
        Assert.False(File.Exists(manifest));
    }

    [Fact]
    public async Task ExecuteAsync_SecondOneOnTheFolder_IsRefusedUntilTheTableIsThere()
    {
        const string Settings = """
            search: random
            budget: { evaluations: 20 }
            settings: { population: 8 }
            compare: { metric: rouge-l, max_tokens: 2, random_draws: 1, searches: [{ search: random, budget: { evaluations: 20 } }] }
            """;
        var refusals = new List<string>();
        void Meet(RunEvent value)
        {
            if (value is not (RunStarted or ComparisonRowStarted)) return;
            var second = new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync(
                RunPlanner.Plan(zoo.Configure(Settings, "shared"), resume: true), CancellationToken.None,
                new RunOptions(LargerBudget: new RunBudget(30, null)));
            refusals.Add(Assert.Throws<BadInputException>(() => second.GetAwaiter().GetResult()).Message);
        }

        await new MergeRun(TimeProvider.System, new Handler(Meet)).ExecuteAsync(
            RunPlanner.Plan(zoo.Configure(Settings, "shared")), CancellationToken.None);
        Assert.Equal(2 + 6, refusals.Count);
        var journal = Path.Combine(zoo.Folder, "shared", ObservationJournal.FileName);
        Assert.All(refusals, refusal => Assert.Matches($"^{Regex.Escape(journal)}: .*is another run writing here\\?$", refusal));
    }

    private sealed class Handler(Action<RunEvent> handle) : IProgress<RunEvent>
    {
        public void Report(RunEvent value) => handle(value);
    }

    private sealed class CutAt<T>(CancellationTokenSource stop) : IProgress<RunEvent>
        where T : RunEvent
    {
        public void Report(RunEvent value)
        {
            if (value is T) stop.Cancel();
        }
    }

    private Task<MergeReport> RunAsync(string more, string output = "out", bool resume = false, EventLog? log = null) =>
        new MergeRun(TimeProvider.System, log ?? new EventLog()).ExecuteAsync(RunPlanner.Plan(zoo.Configure(more, output), resume),
            CancellationToken.None);
}
