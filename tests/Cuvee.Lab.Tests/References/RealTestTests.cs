using Cuvee.Data;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Lab.References;
using Cuvee.Lab.Tests.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Metrics;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.Lab.Tests.References;

/// <summary>The code behind the published tables, on generated data: real tests, stage effects, own-task scores.</summary>
public sealed class RealTestTests(TinyZoo zoo) : IClassFixture<TinyZoo>
{
    private static readonly ulong[] Seeds = [1, 2];

    [Fact]
    public async Task Run_TwoSeeds_TablesOfTheExportedRecordsWithBothReferences()
    {
        var target = new RealTestTarget(LabTask.Ner, "menu", ["ner-menu"]);
        var work = zoo.Folder("real");
        using var output = new StringWriter();
        var (tables, effects) = await Test(work, output).RunAsync(target, Seeds, 6, 6, CancellationToken.None);

        var records = TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Test, 6).Records;
        Assert.Equal(records, RecordFile.Read(Path.Combine(work, "ner-menu", "test.jsonl")));
        Assert.Equal([1UL, 2UL], tables.Select(table => table.Seed));
        Assert.All(tables, table => Assert.Equal(
            [
                "base model", "uniform average", "best single adapter (classify-guest-mood)", "random weights, same norm (3 draws)",
                "random adapters, averaged (1 of 1, 3 draws)", "base model, few-shot (3 examples)",
                "fisher-probing (delta)", "evo-merging (delta)", "evo-merging (factors)", "CMA-ES over weights (delta)",
                "weights by gradient (white box)", "LoRA trained on the validation records (white box)", "the target's own specialist",
            ],
            table.Rows.Select(row => row.Name)));

        // The references are what they claim: the specialist scored by itself, and nothing that a search was charged for.
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Built, "base"));
        var specialist = AdaptedModel.Create(model, PeftReader.Read(Path.Combine(zoo.Built, "adapters", "ner-menu")));
        var own = await MeasureAsync(specialist, records);
        Assert.Equal(own.Loss, Loss(tables[0].Rows[^1]), 1e-4);
        Assert.Equal(own.Counts, tables[0].Rows[^1].Counts);
        Assert.Equal(0, tables[0].Rows[^1].Queries);
        var gradient = RecipeJson.Read(Path.Combine(work, "ner-menu", "gradient.json"));
        var byGradient = await MeasureAsync(
            AdaptedModel.Create(model, AdapterPool.Load(Path.Combine(zoo.Built, "adapters")), gradient), records);
        Assert.Equal(byGradient.Loss, Loss(tables[0].Rows[^3]), 1e-4);
        foreach (var table in tables)
        {
            var lora = AdaptedModel.Create(model, PeftReader.Read(Path.Combine(work, "ner-menu", $"lora-{table.Seed}")));
            var trained = await MeasureAsync(lora, records);
            Assert.Equal(trained.Loss, Loss(table.Rows[^2]), 1e-4);
            Assert.Equal(trained.Counts, table.Rows[^2].Counts);
            Assert.Equal(0, table.Rows[^2].Queries);
        }

        Assert.NotEqual(Loss(tables[0].Rows[^2]), Loss(tables[1].Rows[^2])); // one LoRA a seed

        // The report shows the tables' own numbers: means over seeds, one paired difference a seed.
        var report = RealTestReport.Markdown(target, Seeds, tables, effects);
        Assert.Contains("| the target's own specialist | 0 | ", report, StringComparison.Ordinal);
        Assert.Contains($" | {own.Loss:0.000} | ", report, StringComparison.Ordinal);
        var main = tables[0].Rows.ToList().FindIndex(row => row.Name == "fisher-probing (delta)");
        var queries = tables.Average(table => table.Rows[main].Queries);
        Assert.Contains($"| fisher-probing (delta) | {queries:#,0} | ", report, StringComparison.Ordinal);
        var read = tables.Select(table => ComparisonFile.Read(
            Path.Combine(work, "ner-menu", $"seed-{table.Seed}", "comparison.json"))).ToList();
        foreach (var table in read)
        {
            var d = Bootstrap.Difference(table.Rows[main].Losses, table.Rows[0].Losses, table.Seed);
            Assert.Contains($"{d.Value:+0.000;-0.000} [{d.Lower:0.000}, {d.Upper:0.000}]", report, StringComparison.Ordinal);
        }

        // Rows are joined by what they are, not by where they stand: a seed's few-shot prompts may not have fitted.
        ComparisonTable[] unequal = [tables[0], Without(tables[1], RowKeys.FewShot)];
        var lines = RealTestReport.Markdown(target, Seeds, unequal, effects).Split('\n');
        Assert.Contains($"| fisher-probing (delta) | {queries:#,0} | ", string.Join('\n', lines), StringComparison.Ordinal);
        Assert.Single(lines, line => line.StartsWith("| base model, few-shot (3 examples) | 0 | ", StringComparison.Ordinal));
        Assert.DoesNotContain("; ", Assert.Single(lines, line => line.StartsWith("- base model, few-shot", StringComparison.Ordinal)));

        // A second call takes the finished searches from their folders and says the same.
        var (again, sameEffects) = await Test(work, output).RunAsync(target, Seeds, 6, 6, CancellationToken.None);
        Assert.Equal(report, RealTestReport.Markdown(target, Seeds, again, sameEffects));
    }

    [Fact]
    public async Task Describe_Stages_PairedDifferencesOfConsecutiveRecipes()
    {
        var records = TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Test, 6).Records;
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Built, "base"));
        var pool = AdapterPool.Load(Path.Combine(zoo.Built, "adapters"));
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        MergeRecipe Weight(double weight) => new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("ner-menu", weight)]);
        MergeRecipe[] recipes = [Weight(0), Weight(1), Weight(1)];
        var unused = new StageValue(0, 0, 0);
        var stages = recipes.Skip(1).Select(
            (recipe, i) => new StageOutcome($"stage-{i}", 1, "budget", unused, unused, "start", recipe)).ToList();

        var text = await StageEffects.DescribeAsync(host, "a search", recipes[0], stages, records, seed: 3, CancellationToken.None);

        var losses = new List<TestMeasurement>();
        foreach (var recipe in recipes) losses.Add(await MeasureAsync(AdaptedModel.Create(model, pool, recipe), records));
        var difference = Bootstrap.Difference(losses[1].Losses, losses[0].Losses, 3);
        Assert.True(difference.Value < 0);
        var lines = text.TrimEnd().Split('\n');
        Assert.StartsWith(
            $"- a search, seed 3, stage stage-0: test loss {losses[0].Loss:0.000} -> {losses[1].Loss:0.000}, " +
            $"difference {difference.Value:+0.000;-0.000} [{difference.Lower:0.000}, {difference.Upper:0.000}], F1 ",
            lines[0],
            StringComparison.Ordinal);
        Assert.EndsWith("difference 0 [0.000, 0.000], F1 0 [0.0, 0.0]", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Score_Zoo_EverySpecialistOnItsOwnTestRecords()
    {
        var scores = new List<Lab.Zoo.SpecialistScore>();
        await foreach (var score in new Lab.Zoo.ZooScorer(zoo.Plan(), zoo.Catalog, zoo.Built, 6).ScoreAsync(CancellationToken.None))
            scores.Add(score);

        Assert.Equal([("ner-menu", "ie-f1"), ("classify-guest-mood", "accuracy")], scores.Select(score => (score.Name, score.Metric)));
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Built, "base"));
        var records = TaskBuilder.Build(zoo.Catalog["guest_mood"], LabTask.Classify, Split.Test, 6).Records;
        var adapted = AdaptedModel.Create(model, PeftReader.Read(Path.Combine(zoo.Built, "adapters", "classify-guest-mood")));
        var answers = await adapted.GenerateAsync(
            [.. records.Select(record => record.Prompt)], new GenerationOptions { MaxTokens = 128 }, CancellationToken.None);
        var right = records.Zip(answers).Count(pair => pair.First.Completion.Trim() == pair.Second.Text.Trim());
        Assert.Equal(right / 6.0, scores[1].Value.Value, 1e-9);
        Assert.Equal((await MeasureAsync(model, records)).Loss, scores[1].BaseLoss, 1e-6);
        Assert.Equal((await MeasureAsync(adapted, records)).Loss, scores[1].Loss, 1e-6);
        Assert.Equal(scores[1].Value.Value - scores[1].BaseValue, scores[1].Gain.Value, 1e-9);
    }

    private RealTest Test(string work, TextWriter output) =>
        new(zoo.Built, zoo.Catalog, work, TimeProvider.System, output, withPaperSettings: false, (300, 400));

    private static ComparisonTable Without(ComparisonTable table, string key) => new()
    {
        Title = table.Title,
        Seed = table.Seed,
        PoolSize = table.PoolSize,
        Metric = table.Metric,
        HasPrecisionAndRecall = table.HasPrecisionAndRecall,
        ValidationRecords = table.ValidationRecords,
        TestSha256 = table.TestSha256,
        TestIds = table.TestIds,
        Rows = [.. table.Rows.Where(row => row.Key != key)],
    };

    private static double Loss(MeasuredRow row) => row.Losses.Sum(loss => loss.Numerator) / row.Losses.Sum(loss => loss.Denominator);

    private static Task<TestMeasurement> MeasureAsync(ILanguageModel model, IReadOnlyList<PromptCompletion> records) =>
        TestMeasurement.OfAsync(model, new IeF1Metric(), records, new GenerationOptions { MaxTokens = 96 }, CancellationToken.None);
}
