using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Searches;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Planning;

public sealed class RunPlannerTests : IDisposable
{
    private const string EvoMerging = "search: evo-merging\n";
    private const string CmaEs = "search: cma-es\n";
    private const string Grid = "search: grid\n";
    private const int BestSingle = (3 * 8) + (2 * 32); // three adapters on 8 records, the better two on the other 32

    private readonly TinyZoo zoo = new(records: 40);

    public void Dispose() => zoo.Dispose();

    [Fact]
    public void Plan_PaperPreset_ForecastsTheAuthorsCost()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(EvoMerging + "preset: paper\nsettings: { held_out: 0 }")));
        Assert.Equal((400 + 800 + 8, (1200 * 40) + (8 * 40) + BestSingle), (plan.Forecast.Evaluations, plan.Forecast.Queries));
        Assert.Equal(["adapter-a", "adapter-b", "adapter-c"], plan.AdapterNames);
        // The runtime, the engine's buffers, LoraA of three adapters of rank 2 on one layer, twice both factors of rank 6 of two layers.
        var tokens = plan.Forecast.Tokens!.Value / (double)(plan.Forecast.Queries + plan.Forecast.ControlQueries)! * 40;
        Assert.Equal(
            100_000_000 + EngineMemory.Forecast(zoo.Config, tokens, generates: false, null) + (4 * 3 * 2 * ((6 * 16) + 24))
                + (2 * 4 * 6 * 2 * zoo.Config.LinearModules.Sum(module => module.InFeatures + module.OutFeatures)),
            plan.Forecast.MemoryBytes, 1e5);
    }

    [Fact]
    public void Plan_PoolThatAdaptsTheHead_ForecastsItsCopy()
    {
        var without = Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs))).Forecast.MemoryBytes;
        var (hidden, vocabulary) = (zoo.Config.HiddenSize, zoo.Config.VocabSize);
        var head = new LoraModule("lm_head", hidden, vocabulary, 2, new float[2 * hidden], new float[2 * vocabulary], 1);
        zoo.WriteAdapter("adapter-a", 2, [head]);
        var with = Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs))).Forecast.MemoryBytes;
        Assert.Equal(4 * hidden * vocabulary, with - without);
    }

    [Fact]
    public void Plan_MoreRandomAdaptersThanThePoolHas_NamesFieldAndMend()
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(CmaEs + "compare: { random_adapters: 4 }")));
        Assert.EndsWith(
            "run.yaml: 'compare.random_adapters' is 4 and the pool has 3 adapters; lower it, or set auto.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_CompletionOfNoToken_NamesFileAndRecord()
    {
        var file = Path.Combine(zoo.ModelFolder, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(file))!;
        tokenizer["normalizer"] = JsonNode.Parse("""{"type": "Replace", "pattern": {"String": "~"}, "content": ""}""");
        File.WriteAllText(file, tokenizer.ToJsonString());
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), [new("r", "red", "soup"), new("s", "red", "~")]);
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(EvoMerging + "completion_end: none\n")));
        Assert.EndsWith(
            "validation.jsonl: record 's' has a completion of which the tokenizer makes no token; fill or remove it.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Identity_GgufFile_HoldsTheTokenizerFileBesideIt()
    {
        zoo.WriteGguf();
        IReadOnlyDictionary<string, string> Of(string model) => zoo.Configure(EvoMerging, model: model).Provider.Identity();
        var before = Of("model.gguf");
        File.AppendAllText(Path.Combine(zoo.Folder, "tokenizer.json"), "\n");
        var after = Of("model.gguf");
        Assert.Equal("model/tokenizer.json", Assert.Single(before.Keys, key => before[key] != after[key]));
        Assert.Equal(
            ["model/config.json", "model/generation_config.json", "model/model.safetensors", "model/tokenizer.json"],
            Of("model").Keys.Where(key => key.StartsWith("model/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Plan_Validation_IsSplitWithoutOverlap()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(EvoMerging)));
        Assert.Equal(8, plan.Split.HeldOut.Count);
        Assert.Equal(Enumerable.Range(0, 40), plan.Split.Search.Concat(plan.Split.HeldOut).Order());
    }

    [Theory]
    [InlineData("", "none", "")]
    [InlineData("template: mistral\n", "mistral", "prompts are written by template mistral, as the run file says.")]
    [InlineData("completion_end: none\n", "none", "completions are not closed by a token.")]
    [InlineData("completion_end: <|pad|>\n", "none", "completions are closed by '<|pad|>'.")]
    public void Plan_TextRules_AreStated(string line, string template, string note)
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(EvoMerging + line)));
        Assert.Equal(template, plan.Text.Template.Name);
        Assert.Equal(template == "mistral", plan.Validation[0].Prompt.StartsWith("<|begin_of_text|>[INST] ", StringComparison.Ordinal));
        if (note.Length > 0) Assert.Contains(note, plan.Notes);
        else Assert.DoesNotContain(plan.Notes, each => each.Contains("template", StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_Conversations_AreWrittenByTheModelsOwnTemplate()
    {
        WriteConversations();
        var jinja = Path.Combine(zoo.ModelFolder, "chat_template.jinja");
        File.WriteAllText(jinja, "{% for message in messages %}{{ '<|user|>' '<|assistant|>' + message.content + eos_token }}{% endfor %}");
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(EvoMerging)));
        Assert.Equal("<|user|>\nred 1<|end_of_text|>\n<|assistant|>\n", plan.Validation[1].Prompt);
        Assert.Contains($"prompts are written by template zephyr, recognised in {jinja}.", plan.Notes);
    }

    [Theory]
    [InlineData(null, "names no chat template (")]
    [InlineData("{{ messages[0] }}", "is none that Cuvee knows; name one of none, llama3")]
    public void Plan_ConversationsWithoutAKnownTemplate_NameTheMend(string? jinja, string expected)
    {
        WriteConversations();
        if (jinja is not null) File.WriteAllText(Path.Combine(zoo.ModelFolder, "chat_template.jinja"), jinja);
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(EvoMerging)));
        Assert.StartsWith($"{Path.Combine(zoo.Folder, "run.yaml")}: 'template': the model", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private void WriteConversations() => File.WriteAllLines(
        Path.Combine(zoo.Folder, "validation.jsonl"), Enumerable.Range(0, 40).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "red {{i}}"}, {"role": "assistant", "content": "blue"}]}"""));

    [Theory]
    [InlineData("pool: { path: nowhere }", "no such pool folder")]
    [InlineData("pool: { path: pool, exclude: [adapter-z] }", "adapter-z")]
    [InlineData("model: nowhere", "'model'")]
    [InlineData("validation: nowhere.jsonl", "nowhere.jsonl")]
    public void Plan_WrongPath_RefusesInOneSentence(string line, string expected)
    {
        var key = line[..line.IndexOf(':', StringComparison.Ordinal)];
        var text = string.Join('\n',
            zoo.Configure(EvoMerging).Text.Split('\n').Where(other => !other.StartsWith(key, StringComparison.Ordinal)));
        var configuration = RunConfiguration.Parse($"{text}\n{line}\n", Path.Combine(zoo.Folder, "run.yaml"));
        var error = Assert.ThrowsAny<Exception>(() => RunPlanner.Plan(configuration));
        Assert.True(error is BadInputException or BadInputException or BadInputException, error.GetType().Name);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("factors", true)]
    [InlineData("delta", false)]
    public void Plan_UnequalRanks_AreRefusedInFactorsOnly(string space, bool isRefused)
    {
        using var odd = new TinyZoo(oddRank: 3);
        var configuration = odd.Configure(EvoMerging + $"space: {space}");
        var error = Record.Exception(() => RunPlanner.Plan(configuration));
        Assert.Equal(isRefused, error is BadInputException);
        if (isRefused) Assert.Contains("adapter-c", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_RecordLongerThanTheContext_NamesIt()
    {
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"),
            [new PromptCompletion("long-one", string.Concat(Enumerable.Repeat("zq ", 100)), "soup")]);
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(EvoMerging)));
        Assert.Contains("'long-one'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evaluations: 7", "too small for one iteration and the final re-evaluation; set it to at least 8")]
    [InlineData(
        "queries: 100",
        "too small for finding the best single adapter, one iteration and the final re-evaluation; set it to at least 268")]
    public void Plan_BudgetBelowOneGeneration_NamesTheSmallest(string budget, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(CmaEs + $"budget: {{ {budget} }}")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("objective: ie-f1\nsearch: fisher-probing", "reads log-probabilities, which objective 'ie-f1' does not ask for")]
    [InlineData("objective: [cross-entropy, ie-f1]\nsearch: cma-es", "search 'cma-es' reads one objective; keep 'cross-entropy' alone")]
    public void Plan_SearchAndObjectiveDoNotFit_RefusesInOneSentence(string lines, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(lines)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_MetricNamed_ForecastsItsQueriesBesideTheBudget()
    {
        var plans = RunPlanner.Plan(zoo.Configure(
            CmaEs + "metric: ie-f1\nbudget: { queries: 2000 }\ncompare:\n  searches:\n    - { search: random, budget: { queries: 500 } }"));
        Assert.Equal((2000, BestSingle + (5 * 40)), (plans[0].Forecast.Queries, plans[0].Forecast.ControlQueries));
        Assert.Equal((500, 7 * 40), (plans[1].Forecast.Queries, plans[1].Forecast.ControlQueries));
    }

    [Theory]
    [InlineData("metric: exact-match\nmax_tokens: 1\n", true)]
    [InlineData("metric: exact-match\n", false)]
    [InlineData("max_tokens: 1\n", false)]
    public void Plan_ExpectedAnswersLongerThanGeneratedOnes_SaysHowLong(string lines, bool isNoted) => Assert.Equal(
        isNoted,
        RunPlanner.Plan(zoo.Configure(CmaEs + lines))[0].Notes
            .Any(note => note.StartsWith("answers are cut at 1 tokens, which ", StringComparison.Ordinal)));

    [Fact]
    public void Plan_SmallBudget_LowersPopulationOrSampleAndSaysSo()
    {
        var byEvaluations = Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs + "budget: { evaluations: 15 }")));
        Assert.Contains("population lowered from 20 to 11", Assert.Single(byEvaluations.Notes), StringComparison.Ordinal);
        var byQueries = Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs + "budget: { queries: 328 }\nsettings: { sample: 20 }")));
        Assert.Contains("sample lowered from 20 to 4", Assert.Single(byQueries.Notes), StringComparison.Ordinal);
    }

    /// <summary>Else the first generation would be refused, and the start reported as what the search found.</summary>
    [Theory]
    [InlineData("cma-es\nsettings: { candidates: 10 }", "population lowered from 20 to 10: candidates must hold one generation.")]
    [InlineData("random\nsettings: { candidates: 10 }", "population lowered from 20 to 10: candidates must hold one generation.")]
    [InlineData("merge-method\nsettings: { candidates: 7 }", "population lowered from 8 to 7: candidates must hold one generation.")]
    [InlineData(
        "evo-merging\nsettings: { keep_fraction_candidates: 6 }",
        "population lowered from 20 to 6: keep_fraction_candidates must hold one generation.")]
    [InlineData(
        "nsga2\nobjective: [cross-entropy, rouge-l]\nsettings: { candidates: 5 }",
        "population lowered from 20 to 5: candidates must hold one generation.")]
    [InlineData("natural-niches\nsettings: { children: 3 }", "in_flight lowered from 4 to 3: there are no more children.")]
    public void Plan_FewerCandidatesThanAGeneration_LowersItAndSaysSo(string search, string note) =>
        Assert.Contains(note, Assert.Single(RunPlanner.Plan(zoo.Configure($"search: {search}"))).Notes);

    [Fact]
    public void Plan_FewerCandidatesThanTheSmallestGeneration_AreRefused()
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(CmaEs + "settings: { candidates: 3 }")));
        Assert.EndsWith(
            "run.yaml: 'settings.candidates' is 3, less than one generation; set it to at least 4.", error.Message,
            StringComparison.Ordinal);
        Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs + "settings: { candidates: 3 }\nbudget: { evaluations: 30 }")));
    }

    [Fact]
    public void Plan_Grid_ForecastsAdaptersAndGridWhateverTheBudget()
    {
        var free = Assert.Single(RunPlanner.Plan(zoo.Configure(Grid)));
        Assert.Equal((3 + 20 + 4, (23 * 40) + (4 * 40) + BestSingle), (free.Forecast.Evaluations, free.Forecast.Queries));
        var ample = Assert.Single(RunPlanner.Plan(zoo.Configure(Grid + "budget: { queries: 9000, evaluations: 100 }")));
        Assert.Equal((free.Forecast.Evaluations, free.Forecast.Queries), (ample.Forecast.Evaluations, ample.Forecast.Queries));
        var scarce = Assert.Single(RunPlanner.Plan(zoo.Configure(Grid + $"budget: {{ queries: {BestSingle + 160 + (23 * 12) + 5} }}")));
        Assert.Contains("sample lowered from 40 to 12 records", Assert.Single(scarce.Notes), StringComparison.Ordinal);
        Assert.Equal(BestSingle + 160 + (23 * 12), scarce.Forecast.Queries);
    }

    [Theory]
    [InlineData("{ method: emr }", 5)]
    [InlineData("{ method: linear }", 1)]
    [InlineData("{ method: della, lambda: [0.2, 0.4], density: [0.5] }", 2)]
    public void Plan_Grid_HasTheMethodsOwnAxes(string settings, int points) => Assert.Equal(
        3 + points + 4, Assert.Single(RunPlanner.Plan(zoo.Configure(Grid + $"settings: {settings}"))).Forecast.Evaluations);

    [Theory]
    [InlineData("budget: { evaluations: 26 }", "all adapters alone, the grid and the final re-evaluation; set it to at least 27")]
    [InlineData("budget: { queries: 400 }", "set it to at least 432")]
    [InlineData("budget: { queries: 10 }", "set it to at least 432")]
    [InlineData("settings: { method: emr, density: [0.5] }", "'settings.density' is given, but method 'emr' has no density; leave it out")]
    public void Plan_GridThatCannotRun_RefusesInOneSentence(string lines, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(Grid + lines)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Rounds over three weights, the first of which asks the base model alone about the 8 records that all adapters were asked;
    /// then over two layers of the two adapters of largest weight.</summary>
    [Fact]
    public void Plan_FisherProbingWithLayers_SecondStageWithItsShareAndCost()
    {
        const string Layered =
            "search: fisher-probing\nsettings: { rounds: 2, probe_records: 12, layer_adapters: 2, layer_budget: 0.25 }\n";
        var free = Assert.Single(RunPlanner.Plan(zoo.Configure(Layered)));
        Assert.Equal(["weights", "layers"], free.Program.Stages.Select(stage => stage.Name));
        Assert.Equal([0.75, 1], free.Program.Stages.Select(stage => stage.BudgetShare));
        var rounds = 8 + (4 * 12) + (2 * 4 * 40) + (2 * ((5 * 12) + (4 * 40)));
        Assert.Equal((2 * (4 + 4 + 5 + 4)) + 8, free.Forecast.Evaluations);
        Assert.Equal(rounds + (8 * 40) + BestSingle, free.Forecast.Queries);

        var scarce = Assert.Single(RunPlanner.Plan(zoo.Configure(Layered + $"budget: {{ queries: {BestSingle + 1519} }}")));
        Assert.Equal("weights", Assert.Single(scarce.Program.Stages).Name);
        Assert.Equal(
            "no weights of layers: the budget holds no round of them beside one of the adapters' weights.", Assert.Single(scarce.Notes));
        Assert.Equal(2, Assert.Single(RunPlanner.Plan(zoo.Configure(Layered + $"budget: {{ queries: {BestSingle + 1520} }}")))
            .Program.Stages.Count);
    }

    /// <summary>A tight budget buys ten rounds before it buys records a probe or layers, where the file leaves it to the search.</summary>
    [Theory]
    [InlineData(1800, "", 6, 1, true)]
    [InlineData(3600, "", 8, 1, true)] // 8 records are known of all adapters; a probe might have 12
    [InlineData(3700, "", 8, 2, false)]
    [InlineData(1800, "settings: { probe_records: 12, layer_adapters: 2 }", 8, 2, false)]
    [InlineData(3700, "settings: { layer_adapters: 0 }", 8, 1, false)]
    public void Plan_FisherProbingOfABudget_RoundsComeFirst(int queries, string settings, int probed, int stages, bool isNoted)
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(
            $"search: fisher-probing\n{settings}\nbudget: {{ queries: {BestSingle + queries} }}\n")));
        var first = plan.Program.Stages[0];
        Assert.Equal(probed, first.OptimizerOf(first.SpaceAround(plan.Program.Start), 40).Ask()[^1].Records!.Count);
        Assert.Equal(stages, plan.Program.Stages.Count);
        Assert.Equal(
            isNoted,
            plan.Notes.Any(note => note.StartsWith("no weights of layers: beside them the budget holds fewer", StringComparison.Ordinal)));
    }

    [Fact]
    public void Plan_FisherProbingOfSomeWeights_CostsThoseAfterTheFirstRound()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(
            "search: fisher-probing\nsettings: { rounds: 3, layer_adapters: 0, probed_weights: 1 }\n")));
        Assert.Equal(8 + (2 * 2 * 12) + (3 * 4 * 40) + (4 * 40) + BestSingle, plan.Forecast.Queries);
        Assert.Equal(3 + 1 + 1 + (3 * 5) + 4, plan.Forecast.Evaluations);
    }

    /// <summary>Two adapters are asked all records alone; the first round takes no more of them than a probe may have.</summary>
    [Fact]
    public void Plan_FisherProbingOverTwoAdapters_FirstRoundIsBounded()
    {
        var run = zoo.Configure("search: fisher-probing\nsettings: { rounds: 2, layer_adapters: 0 }");
        var text = run.Text.Replace("path: pool", "path: pool, exclude: [adapter-c]", StringComparison.Ordinal);
        var plan = Assert.Single(RunPlanner.Plan(RunConfiguration.Parse(text, Path.Combine(zoo.Folder, "run.yaml"))));
        Assert.Equal(12 + (3 * 12) + (2 * 4 * 40) + (4 * 40) + (2 * 40), plan.Forecast.Queries);
    }

    [Fact]
    public void Plan_FisherProbingWithGrowingProbes_CostsThem()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(
            "search: fisher-probing\nsettings: { rounds: 4, layer_adapters: 0, probe_records: 10, probe_growth: 2 }\n")));
        Assert.Equal(8 + (4 * (20 + 40 + 40)) + (4 * 4 * 40) + (4 * 40) + BestSingle, plan.Forecast.Queries);
    }

    /// <summary>The spread of the first generation over a pool of any size.</summary>
    [Theory]
    [InlineData("", 3, 0.2)]
    [InlineData("", 116, 5.5 / 116)]
    [InlineData("settings: { step_size: 0.1 }\n", 116, 0.1)]
    public void Plan_CmaEs_FirstStepIsFittedToThePool(string settings, int adapters, double step)
    {
        var stage = Assert.Single(RunPlanner.Plan(zoo.Configure(CmaEs + settings))[0].Program.Stages);
        var space = stage.SpaceAround(
            MergeRecipes.Uniform(MergeSpace.Delta, [.. Enumerable.Range(0, adapters).Select(adapter => $"adapter-{adapter}")]));

        var points = stage.OptimizerOf(space, 1).Ask().Select(trial => trial.Point);

        var squares = points.SelectMany(point => point.Select(weight => Math.Pow(weight - (1.0 / adapters), 2)));
        Assert.InRange(Math.Sqrt(squares.Average()), 0.75 * step, 1.25 * step);
    }

    [Fact]
    public void Plan_LoraHub_DrawsAdaptersBySeed()
    {
        string DrawnBy(int seed) => Assert.Single(
            Assert.Single(RunPlanner.Plan(zoo.Configure($"{CmaEs}preset: lorahub\nseed: {seed}\nsettings: {{ draw: 1 }}"))).Notes);
        Assert.Equal(DrawnBy(1), DrawnBy(1));
        Assert.Equal(
            ["adapter-a", "adapter-b", "adapter-c"],
            Enumerable.Range(1, 20).Select(DrawnBy).Distinct().Order(StringComparer.Ordinal)
                .Select(note => note["1 of 3 adapters drawn: ".Length..^1]));

        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure($"{CmaEs}preset: lorahub")));
        Assert.Equal(("LoRAHub (factors)", "all 3 adapters take part: draw is 20."), (plan.Title, Assert.Single(plan.Notes)));
        Assert.Equal((40 + 4, (40 * 40) + (4 * 40) + BestSingle), (plan.Forecast.Evaluations, plan.Forecast.Queries));
        Assert.All(Assert.IsType<WeightedRecipe>(plan.Program.Start).Adapters, share => Assert.Equal(0, share.Weight));
    }

    [Fact]
    public void Plan_OutAlreadyHoldsARun_WantsResume()
    {
        var output = Directory.CreateDirectory(Path.Combine(zoo.Folder, "out")).FullName;
        File.WriteAllText(Path.Combine(output, RunIdentity.FileName), "{}");
        Assert.Contains("--resume", Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(EvoMerging))).Message,
            StringComparison.Ordinal);
        Assert.Single(RunPlanner.Plan(zoo.Configure(EvoMerging), resume: true));
    }

    [Fact]
    public void Plan_ComparisonSearches_GetTheirOwnFoldersBelowOut()
    {
        var plans = RunPlanner.Plan(zoo.Configure(
            EvoMerging + "compare:\n  searches:\n    - { search: random }\n" +
                "    - { search: evo-merging, space: factors }\n    - { search: random }"));
        Assert.Equal(["out", "random-delta", "evo-merging-factors", "random-delta-2"], plans.Select(plan => Path.GetFileName(plan.Out)));
    }
}
