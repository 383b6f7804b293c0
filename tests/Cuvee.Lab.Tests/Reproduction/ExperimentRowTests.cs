using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Tests.Reproduction;

/// <summary>What single kinds of rows ask, read and share.</summary>
public sealed class ExperimentRowTests(FourSpecialists zoo) : IClassFixture<FourSpecialists>
{
    [Fact]
    public async Task Run_RowThatStartsAtAnother_BeginsWithItsRecipeAndPaysForIt()
    {
        var further = new SearchRow(
            "further", "further", ExperimentRowKind.Search, "search: cma-es", "budget: { queries: 150 }\nsettings: { step_size: 0.02 }")
        { Uses = "default", StartsAtUsed = true };
        var experiment = FourSpecialists.Small with
        {
            Rows = [FourSpecialists.Small.Rows[0], further],
            MainRow = "default",
            Seeds = [1],
            Claims = [],
        };

        var seeds = (await zoo.RunAsync(experiment, "further")).Points[0].Targets[0].Seeds;

        byte[] Bytes(string row, string file) => File.ReadAllBytes(Assert.Single(
            Directory.GetFiles(zoo.Folder("further"), file, SearchOption.AllDirectories),
            path => path.Contains($"{row}-", StringComparison.Ordinal)));
        Assert.Equal(Bytes("default", "recipe.json"), Bytes("further", "start.json"));
        Assert.True(seeds[1].Queries > seeds[0].Queries);
        Assert.True(seeds[1].ValidationLoss <= seeds[0].ValidationLoss + 1e-6);
    }

    /// <summary>Whatever a search goes by, the best single adapter by it is found once a case and seed.</summary>
    [Theory]
    [InlineData("cross-entropy")]
    [InlineData("ie-f1")]
    public async Task Run_RowThatUsesTheDefault_AsksForNoBestSingleAdapter(string objective)
    {
        var row = new SearchRow(
            "cma", "cma", ExperimentRowKind.Search, $"search: cma-es\nobjective: {objective}", "budget: { queries: 150 }")
        { Uses = "default" };
        var experiment = FourSpecialists.Small with
        {
            Rows = [FourSpecialists.Small.Rows[0], row],
            MainRow = "default",
            Seeds = [1],
            Claims = [],
        };

        await zoo.RunAsync(experiment, $"uses-{objective}");

        int Singles(string key) => File.ReadLines(Assert.Single(
            Directory.GetFiles(zoo.Folder($"uses-{objective}"), "observations.jsonl", SearchOption.AllDirectories),
            path => path.Contains($"{key}-", StringComparison.Ordinal)))
            .Count(line => line.Contains("\"single\"", StringComparison.Ordinal));
        Assert.Equal(0, Singles("cma"));
        Assert.True(Singles("default") > 0);
    }

    [Fact]
    public async Task Run_RowsThatShareAnswers_AskAndFindWhatTheyWouldAlone()
    {
        var (ties, linear) = (Shared("ties", true), Shared("linear", true));
        var shared = await RunAsync("shared", ties, linear);
        var alone = await RunAsync("alone", Shared("ties", false), Shared("linear", false));

        Assert.Equal(alone.Points[0].Targets[0].Seeds, shared.Points[0].Targets[0].Seeds);
        Assert.Equal(0, Lines("alone", "answers-*.jsonl"));
        var asked = Lines("shared", "observations.jsonl");
        Assert.Equal(Lines("alone", "observations.jsonl"), asked);
        Assert.InRange(Lines("shared", "answers-*.jsonl"), 1, asked - (3 * 8)); // each adapter alone on each record, once

        int Lines(string runs, string files) => Directory.GetFiles(zoo.Folder(runs), files, SearchOption.AllDirectories)
            .Sum(file => File.ReadLines(file).Count());

        SearchRow Shared(string method, bool shares) => new(
            method, method, ExperimentRowKind.Baseline, "search: grid",
            $"settings: {{ method: {method}{(method == "ties" ? ", lambda: [0.3, 1], density: [1]" : "")} }}")
        { IsSeeded = false, SharesAnswers = shares };

        Task<ExperimentResults> RunAsync(string runs, params SearchRow[] rows) => zoo.RunAsync(
            FourSpecialists.Small with { Rows = rows, MainRow = "ties", Claims = [] }, runs);
    }

    /// <summary>The examples and the base model by another way; a validation record is asked without itself.</summary>
    [Fact]
    public async Task Run_FewShot_RecordsAreAskedWithTheTestsOwnExamples()
    {
        var experiment = FourSpecialists.Small with
        {
            Rows = [ExperimentRows.Base, new FewShotRow()],
            MainRow = "base",
            Claims = [],
            Seeds = [1],
        };
        var results = await zoo.RunAsync(experiment, "few-shot");
        var row = results.Points[0].Targets[0].Seeds.Single(seed => seed.Row == "few-shot");

        var examples = int.Parse(
            System.Text.RegularExpressions.Regex.Match(row.Name, "\\(([0-9]+) examples\\)$").Groups[1].Value,
            System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(examples, 1, 8);
        var validation = TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Validation, 8).Records;
        var order = Enumerable.Range(0, validation.Count).ToArray();
        Cuvee.Numerics.SeededRandom.Derive(1, "few-shot").Shuffle<int>(order);
        string Solved(int but) => string.Concat(
            order.Take(examples).Where(i => i != but).Select(i => $"{validation[i].Prompt}{validation[i].Completion}\n\n"));
        var records = TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Test, 5).Records;
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Zoo, "base"));
        async Task<double> LossAsync(IEnumerable<PromptCompletion> asked)
        {
            var scores = await model.ScoreAsync([.. asked], CancellationToken.None);
            return -scores.Sum(score => score.LogProbability) / scores.Sum(score => score.Tokens);
        }

        Assert.Equal(await LossAsync(records.Select(record => record with { Prompt = Solved(-1) + record.Prompt })), row.TestLoss, 1e-6);
        var alone = validation.Select((record, i) => record with { Prompt = Solved(i) + record.Prompt });
        Assert.Equal(await LossAsync(alone), row.ValidationLoss, 1e-6);
    }

    /// <summary>Trained once, then read; better than the base where its own records are asked.</summary>
    [Fact]
    public async Task Run_ValidationLora_IsTrainedOnceAndFitsItsRecords()
    {
        var experiment = FourSpecialists.Small with
        {
            Rows = [ExperimentRows.Base, new ValidationLoraRow([3e-3], quickRates: [3e-3])],
            MainRow = "base",
            Claims = [],
            Seeds = [1],
        };
        var first = await zoo.RunAsync(experiment, "lora");
        var file = Assert.Single(Directory.GetFiles(zoo.Folder("lora"), "adapter_model.safetensors", SearchOption.AllDirectories));
        var written = File.GetLastWriteTimeUtc(file);
        var second = await zoo.RunAsync(experiment, "lora");

        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
        var rows = first.Points[0].Targets[0].Seeds.ToDictionary(seed => seed.Row);
        Assert.True(rows["lora-validation"].ValidationLoss < rows["base"].ValidationLoss);
        Assert.Equal(rows["lora-validation"].TestLoss, second.Points[0].Targets[0].Seeds.Single(seed => seed.Row != "base").TestLoss);
    }

    /// <summary>How a row is added whose model is no merge.</summary>
    [Fact]
    public async Task Run_RowWithAModelOfItsOwn_IsMeasuredLikeAnyOther()
    {
        var experiment = FourSpecialists.Small with { Rows = [new OwnModelRow(), new SpecialistRow()], MainRow = "own-model", Claims = [] };
        var rows = (await zoo.RunAsync(experiment, "own-model")).Points[0].Targets[0].Rows;

        Assert.Equal(["own-model", "specialist"], rows.Select(row => row.Row));
        Assert.Equal(rows[1].TestLoss.Value, rows[0].TestLoss.Value, 1e-4);
        Assert.Equal(rows[1].Score, rows[0].Score);
        Assert.Equal((3, 5), (rows[0].Queries, rows[0].Tokens));
    }

    private sealed class OwnModelRow : IExperimentRow
    {
        public string Key => "own-model";

        public string Name => "an adapter of its own";

        public ExperimentRowKind Kind => ExperimentRowKind.Reference;

        public bool IsSeeded => true;

        public string Settings(bool quick) => "";

        public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
        {
            var adapter = PeftReader.Read(Path.Combine(context.Lab.AdaptersFolder, "ner-menu"));
            return Task.FromResult(new RowOutcome(
                Name, 3, 5, _ => [RowModel.Of(() => AdaptedModel.Create(context.Lab.Model, adapter))]));
        }
    }
}
