using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Metrics;

namespace Cuvee.Lab.Tests.Reproduction;

/// <summary>Real runs on generated data: what is measured, how it is resumed, how cases are cut.</summary>
public sealed class ExperimentRunnerTests(FourSpecialists zoo) : IClassFixture<FourSpecialists>
{
    [Fact]
    public async Task Run_TwoSeeds_EveryRowIsMeasuredAndChargedForWhatItAsked()
    {
        var results = await zoo.RunAsync(FourSpecialists.Small, "charged");

        string[] keys =
        [
            "default", "evo", "ties", "base", "uniform", "best-single", "best-single-loss", "random-weights", "random-adapters",
            "few-shot", "gradient", "specialist",
        ];
        var target = Assert.Single(Assert.Single(results.Points).Targets);
        Assert.Equal(("ner-menu", 3, 8, 5), (target.Target, target.PoolSize, target.ValidationRecords, target.TestRecords));
        Assert.Equal(keys, target.Rows.Select(row => row.Row));
        Assert.Equal(keys, results.Points[0].Average.Select(row => row.Row));
        Assert.Equal(
            keys.SelectMany(_ => (ulong[])[1, 2], (key, seed) => (key, seed)), target.Seeds.Select(seed => (seed.Row, seed.Seed)));

        // The specialist and the uniform average by another way: the engine itself, asked directly.
        var records = TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Test, 5).Records;
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Zoo, "base"));
        var adapters = Path.Combine(zoo.Zoo, "adapters");
        await AssertMeasuredAsync("specialist", AdaptedModel.Create(model, PeftReader.Read(Path.Combine(adapters, "ner-menu"))));
        var pool = AdapterPool.Load(adapters, ["ner-menu"]);
        await AssertMeasuredAsync("uniform", AdaptedModel.Create(model, pool, new WeightedRecipe(
            MergeSpace.Delta, [.. pool.Adapters.Select(adapter => new AdapterShare(adapter.Name, 1.0 / 3))])));
        async Task AssertMeasuredAsync(string key, EmbeddedModel adapted)
        {
            var own = await TestMeasurement.OfAsync(
                adapted, new IeF1Metric(), records, new GenerationOptions { MaxTokens = 96 }, CancellationToken.None);
            var row = target.Rows.Single(row => row.Row == key);
            Assert.Equal(own.Loss, row.TestLoss.Value, 1e-4);
            Assert.Equal(MetricScore.Of(own.Counts).Value, row.Score.Value, 12);
        }

        // Queries and tokens are those of the journals: one line an answer.
        foreach (var seed in target.Seeds.Where(seed => seed.Row is "default" or "evo" or "best-single" or "best-single-loss"))
        {
            var isSingle = seed.Row.StartsWith("best-single", StringComparison.Ordinal);
            var lines = Observations(zoo.Folder("charged"), isSingle ? "default" : seed.Row, seed.Seed);
            var paid = lines.Where(line => isSingle
                ? line.Purpose == "single" && (seed.Row == "best-single" || line.Stage == "best-single/cross-entropy")
                : IsPaid(line, seed.Row)).ToList();
            Assert.Equal(paid.Count, seed.Queries);
            Assert.Equal(paid.Sum(line => line.Tokens), seed.Tokens);
            Assert.True(seed.Queries > 0);
        }

        Assert.All(
            target.Seeds.Where(seed => seed.Row is "base" or "uniform" or "random-weights" or "random-adapters" or "few-shot" or "gradient"
                or "specialist"),
            seed => Assert.Equal((0, 0), (seed.Queries, seed.Tokens)));
        Assert.Matches(
            "^best single adapter \\((classify-guest-mood|es-menu|et-menu)\\)$",
            target.Seeds.First(seed => seed.Row == "best-single").Name);
        Assert.Single(target.Seeds.Where(seed => seed.Row == "ties").Select(seed => seed.TestLoss).Distinct());
        Assert.Equal(2, target.Seeds.Where(seed => seed.Row == "random-weights").Select(seed => seed.TestLoss).Distinct().Count());
    }

    [Fact]
    public async Task Run_AgainAndAfterACut_SameBytesAndNothingFinishedIsRepeated()
    {
        var path = zoo.Folder("first.json");
        ResultsJson.Write(path, await zoo.RunAsync(FourSpecialists.Small, "cut"));
        var runs = zoo.Folder("cut");
        var finished = Directory.GetFiles(runs, "*", SearchOption.AllDirectories).ToDictionary(file => file, File.GetLastWriteTimeUtc);

        await AssertSameAsync();
        File.Delete(zoo.Records("cut")); // nothing measured is known, all runs are finished
        await AssertSameAsync();
        Assert.All(finished, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));

        // One run is cut half way: its manifest is not there yet, its journal ends in the middle of a line; so do the measurements.
        var folder = Path.GetDirectoryName(Manifest(runs, "evo", 2))!;
        var journal = Path.Combine(folder, "observations.jsonl");
        var whole = await File.ReadAllBytesAsync(journal);
        foreach (var name in (string[])["merge_manifest.json", "recipe.json", "evaluations.jsonl"]) File.Delete(Path.Combine(folder, name));
        await File.WriteAllBytesAsync(journal, whole[..(whole.Length / 2)]);
        var records = await File.ReadAllTextAsync(zoo.Records("cut"));
        var at = records.IndexOf("/seed-2/", records.IndexOf("/evo-", StringComparison.Ordinal), StringComparison.Ordinal);
        await File.WriteAllTextAsync(zoo.Records("cut"), records[..(at + 40)]);
        await AssertSameAsync();
        Assert.True(File.Exists(Path.Combine(folder, "merge_manifest.json")));
        Assert.Equal(AnswersOf(whole), AnswersOf(await File.ReadAllBytesAsync(journal)));
        Assert.Equal(records, await File.ReadAllTextAsync(zoo.Records("cut")));

        async Task AssertSameAsync()
        {
            var again = zoo.Folder("again.json");
            ResultsJson.Write(again, await zoo.RunAsync(FourSpecialists.Small, "cut"));
            Assert.Equal(await File.ReadAllTextAsync(path), await File.ReadAllTextAsync(again));
        }

        static int AnswersOf(byte[] journal) =>
            System.Text.Encoding.UTF8.GetString(journal).Split('\n').Count(line => line.Contains("\"record\"", StringComparison.Ordinal));
    }

    /// <summary>Committed measurements are all that another machine needs; a row without makes the row it uses again.</summary>
    [Fact]
    public async Task Run_WithMeasurementsAndNoRuns_OnlyWhatIsMissingRuns()
    {
        var first = zoo.Folder("here.json");
        ResultsJson.Write(first, await zoo.RunAsync(FourSpecialists.Small, "here"));
        await AssertSameAsync("elsewhere", File.ReadAllLines(zoo.Records("here")));
        Assert.False(Directory.Exists(zoo.Folder("elsewhere")));

        await AssertSameAsync(
            "partly", File.ReadAllLines(zoo.Records("here")).Where(line => !line.Contains("/random-weights-", StringComparison.Ordinal)));
        Assert.Equal(
            ["default", "default"],
            Directory.GetFiles(zoo.Folder("partly"), "merge_manifest.json", SearchOption.AllDirectories)
                .Select(file => Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(file)))!.Split('-')[0]));

        async Task AssertSameAsync(string runs, IEnumerable<string> records)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(zoo.Records(runs))!);
            await File.WriteAllLinesAsync(zoo.Records(runs), records);
            var path = zoo.Folder($"{runs}.json");
            ResultsJson.Write(path, await zoo.RunAsync(FourSpecialists.Small, runs));
            Assert.Equal(await File.ReadAllTextAsync(first), await File.ReadAllTextAsync(path));
        }
    }

    [Fact]
    public async Task Measure_PartOfAnExperiment_GivesLinesOfTheWhole()
    {
        await zoo.RunAsync(FourSpecialists.Small, "whole");
        var part = FourSpecialists.Small.ToPart(["random-weights"], ["ner-menu"]);
        await using (var lab = zoo.Lab("part")) await new ExperimentRunner(part, lab).MeasureAsync(CancellationToken.None);

        var whole = await File.ReadAllLinesAsync(zoo.Records("whole"));
        Assert.Equal(
            whole.Where(line => ((string[])["/default-", "/random-weights-"]).Any(row => line.Contains(row, StringComparison.Ordinal))),
            await File.ReadAllLinesAsync(zoo.Records("part")));
        var error = Assert.Throws<Cuvee.Formats.BadInputException>(() => FourSpecialists.Small.ToPart(["tie"], []));
        Assert.Contains("has no row 'tie'; choose among default, evo, ties", error.Message, StringComparison.Ordinal);
        Assert.Throws<Cuvee.Formats.BadInputException>(() => FourSpecialists.Small.ToPart([], ["ner-menus"]));
        Assert.Throws<Cuvee.Formats.BadInputException>(
            () => (FourSpecialists.Small with { Pool = PoolRule.TargetsOnly }).ToPart([], ["ner-menu"]));
    }

    [Theory]
    [InlineData("{\"run\": \"a\"}")]
    [InlineData("null")]
    [InlineData("no JSON")]
    public void Measured_LineThatIsNone_IsNamed(string line)
    {
        var folder = zoo.Folder("damaged");
        Directory.CreateDirectory(Path.Combine(folder, "records"));
        File.WriteAllText(Path.Combine(folder, "records", "small.jsonl"), line + "\n");

        var error = Assert.Throws<Cuvee.Formats.BadInputException>(() => new MeasuredRuns(folder));
        Assert.Contains("line 1 is not what an experiment measured", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ZooOfAnotherSize_IsRefused()
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => zoo.RunAsync(FourSpecialists.Small with { ZooSize = 24 }, "other"));
        Assert.EndsWith(
            "adapters: holds 4 specialists, and small is about a zoo of 24; name its folder with --zoo.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OnlyMeasured_RowsWithAMissingRunAreLeftOutAndNamed()
    {
        await using var lab = zoo.Lab("measured");
        var runner = new ExperimentRunner(FourSpecialists.Small, lab, onlyMeasured: true);
        await Assert.ThrowsAsync<BadInputException>(() => runner.RunAsync(CancellationToken.None));
        var one = FourSpecialists.Small.ToPart(["default", "base"], []);
        await new ExperimentRunner(one, lab).MeasureAsync(CancellationToken.None);
        var evo = FourSpecialists.Small.ToPart(["evo"], []) with { Seeds = [1] };
        await new ExperimentRunner(evo, lab).MeasureAsync(CancellationToken.None);

        var some = await new ExperimentRunner(FourSpecialists.Small, lab, onlyMeasured: true).RunAsync(CancellationToken.None);

        Assert.Equal(["default", "base"], some.Rows.Select(row => row.Key));
        Assert.Equal(("default", 0), (some.MainRow, some.Claims.Count));
        Assert.Equal(FourSpecialists.Small.Rows.Count - 2, some.Missing.Count);
        Assert.Equal("evo (1 of 2 runs)", some.Missing[0]);
        Assert.Equal(FourSpecialists.Small.Claims.Count, some.ClaimsLeftOut);
        var whole = await new ExperimentRunner(one with { MainRow = "default", Claims = [] }, lab).RunAsync(CancellationToken.None);
        Assert.Equal(Text(whole.Points), Text(some.Points));

        static string Text(IReadOnlyList<PointResults> points) => JsonSerializer.Serialize(points);
    }

    [Fact]
    public async Task Run_TargetsTogether_OneModelIsTestedOnAllAndASpecialistOnItsOwn()
    {
        var experiment = FourSpecialists.Small with
        {
            Name = "together",
            Targets = [new(LabTask.Ner, "menu"), new(LabTask.Et, "menu")],
            Pool = PoolRule.TargetsOnly,
            Distractors = ["classify-guest-mood"],
            Seeds = [1],
        };
        var results = await zoo.RunAsync(experiment, "together");

        var targets = results.Points[0].Targets;
        Assert.Equal(["ner-menu", "et-menu"], targets.Select(target => target.Target));
        Assert.All(targets, target => Assert.Equal((3, 16), (target.PoolSize, target.ValidationRecords)));
        var queries = targets.Select(target => target.Seeds.Single(seed => seed.Row == "evo").Queries).Distinct();
        Assert.Single(queries);
        var folders = Directory.GetDirectories(zoo.Folder("together"));
        var task = Assert.Single(folders, folder => Directory.GetDirectories(folder, "evo-*").Length > 0);
        var withoutPool = Assert.Single(folders.Except([task])); // of rows that are the same whatever the pool
        Assert.StartsWith("few-shot-", Path.GetFileName(Assert.Single(Directory.GetDirectories(withoutPool))), StringComparison.Ordinal);
        var ids = (await File.ReadAllLinesAsync(Path.Combine(task, "validation.jsonl")))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetString()!.Split('/')[0]);
        Assert.Equal([.. Enumerable.Repeat("ner-menu", 8), .. Enumerable.Repeat("et-menu", 8)], ids);

        // Each specialist is far better on its own task than the other one's would be.
        var average = results.Points[0].Average.Single(row => row.Row == "specialist");
        Assert.Equal(
            targets.Average(target => target.Rows.Single(row => row.Row == "specialist").TestLoss.Value), average.TestLoss.Value, 12);
        Assert.Equal(2, average.Targets);
        Assert.All(targets, target => Assert.True(LossOf(target, "specialist") < LossOf(target, "base")));
        static double LossOf(TargetResults target, string key) => target.Rows.Single(row => row.Row == key).TestLoss.Value;
    }

    [Fact]
    public async Task Run_PointsDrawnPerSeed_EachSeedHasItsOwnCaseAndWhatDoesNotFitIsNamed()
    {
        var experiment = FourSpecialists.Small with
        {
            Name = "curve",
            Axis = "adapters in the pool",
            DrawsPerSeed = true,
            Points = [new("2") { PoolSize = 2 }, new("10") { PoolSize = 10 }, new("noisy") { LabelNoise = 0.5, ValidationRecords = 6 }],
            Rows = [.. FourSpecialists.Small.Rows.Take(1), ExperimentRows.Base, ExperimentRows.BestSingle],
            MainRow = "default",
            Claims = [new("default", "base", "Cuvee"), new("default", "default", "Cuvee", ("noisy", "2"))],
        };
        var results = await zoo.RunAsync(experiment, "curve");

        Assert.Equal(["2", "noisy"], results.Points.Select(point => point.Label));
        Assert.Equal("ner-menu: its pool has 3 adapters, so the point of 10 is left out.", results.Notes[^1]);
        Assert.Equal([2, 3], results.Points.Select(point => point.Targets[0].PoolSize));
        Assert.Equal([8, 6], results.Points.Select(point => point.Targets[0].ValidationRecords));
        Assert.Equal([("2", null), ("noisy", null), ("noisy", "2")], results.Claims.Select(claim => (claim.Point, claim.SecondPoint)));
        double At(int point) => results.Points[point].Targets[0].Rows.Single(row => row.Row == "default").TestLoss.Value;
        Assert.Equal(At(1) - At(0), results.Claims[^1].TestLoss.Value, 9);
        Assert.NotEqual(0, results.Claims[^1].TestLoss.Value);
        var validation = Directory.GetFiles(zoo.Folder("curve"), "validation.jsonl", SearchOption.AllDirectories);
        Assert.Equal(4, validation.Select(File.ReadAllText).Distinct().Count());
    }

    [Fact]
    public async Task Run_Quick_RowsWithSmallerSettingsAreCalledShortenedAndRunApart()
    {
        IExperimentRow gradient = new GradientRow(steps: 4, quickSteps: 1, learningRate: 0.05);
        var full = FourSpecialists.Small with
        {
            Rows = [ExperimentRows.Base, gradient],
            MainRow = "base",
            Seeds = [1],
            Claims = [],
            ValidationRecords = 6,
        };
        var results = await zoo.RunAsync(full.ToQuick(), "quick");
        await zoo.RunAsync(full, "quick");

        Assert.True(results.Quick);
        Assert.Equal(["base model", "weights by gradient (white box), shortened"], results.Rows.Select(row => row.Name));
        Assert.Equal(2, Directory.GetFiles(zoo.Folder("quick"), "recipe.json", SearchOption.AllDirectories).Length);
    }

    private static string Manifest(string runs, string row, ulong seed) => Assert.Single(
        Directory.GetFiles(runs, "merge_manifest.json", SearchOption.AllDirectories),
        path => path.Contains($"{Path.DirectorySeparatorChar}{row}-", StringComparison.Ordinal)
            && path.Contains($"seed-{seed}", StringComparison.Ordinal));

    private static List<(string Stage, string Purpose, long Tokens)> Observations(string runs, string row, ulong seed) =>
    [
        .. File.ReadLines(Path.Combine(Path.GetDirectoryName(Manifest(runs, row, seed))!, "observations.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).Where(line => line.TryGetProperty("record", out _))
            .Select(line => (
                line.GetProperty("stage").GetString()!,
                line.GetProperty("purpose").GetString()!,
                line.GetProperty("tokens").GetInt64() + line.GetProperty("prompt_tokens").GetInt64())),
    ];

    /// <summary>The search's own questions: not the metric, not the adapters found by it, not the controls beside the result.</summary>
    private static bool IsPaid((string Stage, string Purpose, long Tokens) line, string row) => line switch
    {
        { Purpose: "single" } => row == "default" && line.Stage == "best-single/cross-entropy",
        { Stage: "result" } => false,
        { Purpose: "metric" } => false,
        _ => true,
    };
}
