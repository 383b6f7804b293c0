using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>One search from plan to written result on a model whose answers are known; real engine: <see cref="MergeRunTests"/>.</summary>
public sealed class RunExecutorTests : IDisposable
{
    private const string Weights = "search: cma-es\nseed: 5\n";
    private const string BothStages = "search: evo-merging\nspace: delta\nseed: 5\n" +
        "settings: { population: 6, sample: 6, held_out: 0.25, check_every: 2 }\nbudget: { evaluations: 80 }";

    // Weights stay 1/N, so that no candidate comes near one good adapter alone.
    private const string Hopeless = "search: evo-merging\nspace: delta\nseed: 5\nbudget: { evaluations: 16 }\n" +
        "settings: { stages: [keep-fractions], population: 6, sample: 2, held_out: 0 }";

    private static readonly string[] Names = ["adapter-a", "adapter-b", "adapter-c"];
    private static readonly double[] Pull = [1, -1, 0.1];

    private static readonly string[] ResultFiles =
        ["adapter_model.safetensors", "adapter_config.json", "recipe.json", "README.md", EvaluationLog.FileName];

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task ExecuteAsync_OneAdapterHelpsAndOneHarms_WeightsGetTheirSigns()
    {
        var result = await RunAsync(zoo.Configure(Weights + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }"));
        Assert.True(result.ValidationLoss < result.StartLoss - 0.2);
        Assert.True(Weight(result, "adapter-a") > 0.5, $"helping adapter: {Weight(result, "adapter-a")}");
        Assert.True(Weight(result, "adapter-b") < -0.3, $"harmful adapter: {Weight(result, "adapter-b")}");
    }

    [Fact]
    public async Task ExecuteAsync_FisherProbing_ReachesTheLossOfCmaEsWithFewerQueries()
    {
        var evo = await RunAsync(zoo.Configure(Weights + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }", "evo"));
        var fisher = await RunAsync(zoo.Configure("search: fisher-probing\nseed: 5\nbudget: { queries: 1000 }", "fisher"));
        Assert.True(fisher.ValidationLoss < evo.ValidationLoss + 0.01, $"{fisher.ValidationLoss} against {evo.ValidationLoss}");
        Assert.True(fisher.Spending.Queries < evo.Spending.Queries / 3);
    }

    [Fact]
    public async Task ExecuteAsync_SameSeedTwice_WritesTheSameBytes()
    {
        await RunAsync(zoo.Configure(BothStages, "first"));
        await RunAsync(zoo.Configure(BothStages, "second"));
        AssertSameResults("first", "second");
    }

    [Fact]
    public async Task ExecuteAsync_OtherSeed_WritesAnotherRecipe()
    {
        await RunAsync(zoo.Configure(BothStages, "first"));
        await RunAsync(zoo.Configure(BothStages.Replace("seed: 5", "seed: 6", StringComparison.Ordinal), "second"));
        Assert.NotEqual(Bytes("first", "recipe.json"), Bytes("second", "recipe.json"));
    }

    [Fact]
    public async Task ExecuteAsync_CandidatesInFlightAnsweredInAnyOrder_WritesTheSameBytes()
    {
        await RunAsync(zoo.Configure(BothStages, "one"));
        var random = new Random(1);
        var host = new SoftmaxHost(Names, Pull)
        {
            MaxConcurrentLeases = 4,
            Delay = () =>
            {
                int milliseconds;
                lock (random) milliseconds = random.Next(6);
                return Task.Delay(milliseconds);
            },
        };
        await RunAsync(zoo.Configure(BothStages, "many"), host: host);
        Assert.InRange(host.MostInFlight, 2, 4);
        AssertSameResults("one", "many");
    }

    [Theory]
    [InlineData(BothStages)]
    [InlineData("search: fisher-probing\nseed: 5\nbudget: { queries: 700 }\nsettings: { probe_records: 5, line_search_records: 9 }")]
    public async Task ExecuteAsync_KilledAtAnyByteAndResumed_EqualsNeverStopped(string settings)
    {
        var whole = await RunAsync(zoo.Configure(settings, "whole"));
        var journal = Bytes("whole", ObservationJournal.FileName);
        var lines = Encoding.UTF8.GetString(journal).Split('\n').Length - 1;
        // Lines all over the run, in turn cut cleanly, in mid-line and just before the line feed.
        for (var (line, kind) = (1, 0); line < lines; (line, kind) = (line + (lines / 6), kind + 1))
        {
            var end = EndOfLine(journal, line);
            var cut = new[] { end, end + 25, EndOfLine(journal, line + 1) - 1 }[kind % 3];
            var output = $"cut-{cut}";
            CopyCut("whole", output, cut);
            var resumed = await RunAsync(zoo.Configure(settings, output), resume: true);
            AssertSameResults("whole", output);
            Assert.Equal(whole.Spending, resumed.Spending);
        }
    }

    [Fact]
    public async Task ExecuteAsync_FinishedRunResumed_AsksNoQuery()
    {
        await RunAsync(zoo.Configure(BothStages));
        var host = Host();
        var log = new EventLog();
        await RunAsync(zoo.Configure(BothStages), resume: true, host, log);
        Assert.Equal(0, host.ScoredRecords);
        Assert.Single(log.Of<RunResumed>());
        Assert.All(log.Of<CandidateEvaluated>(), candidate => Assert.True(candidate.Replayed));
    }

    [Fact]
    public async Task ExecuteAsync_ResumedWithAnotherSetting_NamesIt()
    {
        await RunAsync(zoo.Configure(BothStages));
        var error = await Assert.ThrowsAsync<JournalException>(
            () => RunAsync(zoo.Configure(BothStages.Replace("population: 6", "population: 7", StringComparison.Ordinal)), resume: true));
        Assert.Contains("search.settings.population", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_ResumedWithAChangedAdapter_NamesTheFile()
    {
        await RunAsync(zoo.Configure(BothStages));
        zoo.WriteAdapter("adapter-b", 2, seed: 77);
        var error = await Assert.ThrowsAsync<JournalException>(() => RunAsync(zoo.Configure(BothStages), resume: true));
        Assert.Contains("pool/adapter-b/adapter_model.safetensors", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("budget: { evaluations: 40 }")]
    [InlineData("budget: { evaluations: 33, queries: 100000 }")]
    [InlineData("budget: { queries: 700 }")]
    [InlineData("budget: { queries: 401 }")]
    public async Task ExecuteAsync_AnyBudget_IsNeverExceeded(string budget)
    {
        var configuration = zoo.Configure("search: evo-merging\npreset: paper\nspace: delta\nsettings: { population: 6 }\n" + budget);
        var host = Host();
        var result = await RunAsync(configuration, host: host);
        var lines = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName)).ToList();
        Assert.Equal(lines.Count, result.Spending.Evaluations + result.ControlSpending.Evaluations);
        Assert.Equal(lines.Sum(line => line.Queries), result.Spending.Queries);
        Assert.Equal(host.ScoredRecords, result.Spending.Queries);
        Assert.Equal(0, result.ControlSpending.Queries); // the best single adapter was measured on all records when it was found
        var candidates = lines.Where(line => line.Stage is "keep-fractions" or "weights").ToList();
        Assert.True(candidates.Count <= (configuration.Search.Budget.Evaluations ?? int.MaxValue));
        Assert.True(host.ScoredRecords <= (configuration.Search.Budget.Queries ?? int.MaxValue));
        Assert.Contains(candidates, line => line.Purpose == EvaluationPurpose.Search);
    }

    [Fact]
    public async Task ExecuteAsync_TwoStages_SecondStartsWhereTheFirstEnded()
    {
        var result = await RunAsync(zoo.Configure(BothStages));
        Assert.Equal(["keep-fractions", "weights"], result.Stages.Select(stage => stage.Name));
        var (first, second) = (result.Stages[0], result.Stages[1]);
        Assert.All(Shares(first.Recipe), share => Assert.Equal(1.0 / 3, share.Weight));
        Assert.True(first.Value.Loss < first.Start.Loss, "pruning the harmful adapter helps the uniform average");
        Assert.Equal(first.Value.Loss, second.Start.Loss);
        Assert.Equal(Shares(first.Recipe).Select(share => share.KeepFraction), Shares(second.Recipe).Select(share => share.KeepFraction));
        Assert.True(second.Value.Objective <= second.Start.Objective);
    }

    [Fact]
    public async Task ExecuteAsync_LowestLossIsNotTheLowestObjective_TheStageIsDecidedByItsObjective()
    {
        // No adapter does anything: every keep fraction has the same loss, so the start always has the lowest one, and the penalty on what is
        // kept is the whole objective. Decided by the bare loss, the start would win and stage 1 would buy nothing.
        var settings = "search: evo-merging\nspace: delta\nseed: 5\nbudget: { evaluations: 160 }\n" +
            "settings: { population: 8, sample: 18, penalty: 0.5, held_out: 0 }";
        var noisy = new SoftmaxHost(Names, [0.02, 0.02, 0.02]);
        var result = await RunAsync(zoo.Configure(settings), host: noisy);
        var stage = result.Stages[0];
        Assert.NotEqual("start", stage.Winner);
        Assert.Equal(0.5, stage.Start.Penalty, 12); // everything kept
        Assert.True(stage.Value.Penalty < 0.35, $"penalty {stage.Value.Penalty}");
        Assert.True(stage.Value.Objective < stage.Start.Objective);
        Assert.Equal(stage.Value.Loss + stage.Value.Penalty, stage.Value.Objective, 12);

        var rechecked = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName))
            .Where(line => line is { Stage: "keep-fractions", Purpose: EvaluationPurpose.Recheck }).ToList();
        var byLoss = rechecked.MinBy(line => line.Loss)!;
        var byObjective = rechecked.MinBy(line => line.Loss + line.Penalty)!;
        Assert.NotEqual(byLoss.Trial, byObjective.Trial);
        Assert.Equal(byObjective.Point, Shares(stage.Recipe).Select(share => share.KeepFraction));

        var manifest = Manifest(result)["stages"]![0]!;
        Assert.Equal(stage.Winner, manifest["winner"]!.GetValue<string>());
        Assert.Equal(stage.Start.Penalty, manifest["start"]!["penalty"]!.GetValue<double>());
        Assert.Equal(stage.Value.Objective, manifest["objective"]!.GetValue<double>());
        Assert.Equal(stage.Value.Loss, manifest["loss"]!.GetValue<double>());
    }

    [Fact]
    public async Task ExecuteAsync_OneGeneration_SharesOneSampleWithoutHeldOutRecords()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(BothStages)));
        await RunAsync(zoo.Configure(BothStages));
        var lines = EvaluationLog.Read(Path.Combine(zoo.Folder, "out", EvaluationLog.FileName)).ToList();
        var generations = lines.Where(line => line.Purpose == EvaluationPurpose.Search).GroupBy(line =>
            (line.Stage, line.Iteration)).ToList();
        Assert.All(generations, generation => Assert.Single(generation.Select(line => string.Join(',', line.Records)).Distinct()));
        Assert.True(generations.Select(generation => string.Join(',', generation.First().Records)).Distinct().Count() > 5,
            "another sample for another generation");
        Assert.Empty(generations.SelectMany(generation => generation.First().Records).Intersect(plan.Split.HeldOut));
        Assert.Contains(lines, line => line.Purpose == EvaluationPurpose.HeldOut);
        Assert.All(lines.Where(line => line.Purpose == EvaluationPurpose.HeldOut), line => Assert.Equal(plan.Split.HeldOut, line.Records));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ExecuteAsync_SmallSamplesPromiseGainsThatAreNone_NeverEndsAboveTheStart(int seed)
    {
        var host = new SoftmaxHost(Names, [0, 0, 0]); // every direction only adds noise
        var result = await RunAsync(
            zoo.Configure($"search: cma-es\nseed: {seed}\nfallback: none\nbudget: {{ evaluations: 12 }}\n" +
                "settings: { population: 6, sample: 1, held_out: 0, step_size: 0.5, penalty: 0 }"),
            host: host);
        Assert.True(result.ValidationLoss <= result.StartLoss);
        Assert.Equal(result.Stages[0].Value.Loss, result.ValidationLoss);
    }

    [Fact]
    public async Task ExecuteAsync_HeldOutStopsImproving_StopsTheStage()
    {
        var result = await RunAsync(zoo.Configure(
            Weights + "settings: { population: 10, sample: 3, held_out: 0.4, check_every: 1, patience: 3 }\n" +
                "budget: { evaluations: 5000 }"));
        Assert.Equal("held-out", result.Stages[0].StopReason);
        Assert.True(result.Spending.Evaluations < 1000);
    }

    [Fact]
    public async Task ExecuteAsync_WeightsRunIntoTheirBounds_Warns()
    {
        var log = new EventLog();
        var host = new SoftmaxHost(Names, [4, 4, 4]);
        await RunAsync(
            zoo.Configure(Weights + "settings: { population: 10, step_size: 0.5, penalty: 0, held_out: 0 }\n" +
                "budget: { evaluations: 400 }"),
            host: host, log: log);
        var warning = Assert.Single(log.Of<RunWarning>(), warning => warning.Kind == WarningKind.AtBounds);
        Assert.Contains("adapter-", warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_ProviderFails_LeavesAJournalToResume()
    {
        await RunAsync(zoo.Configure(BothStages, "whole"));
        var calls = 0;
        var failing = new SoftmaxHost(Names, Pull)
        {
            Scoring = _ =>
            {
                if (++calls == 30) throw new LanguageModelException("the provider went away");
            },
        };
        await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync(zoo.Configure(BothStages), host: failing));
        Assert.False(File.Exists(Path.Combine(zoo.Folder, "out", RunWriter.ManifestFileName)));
        await RunAsync(zoo.Configure(BothStages), resume: true);
        AssertSameResults("whole", "out");
    }

    [Fact]
    public async Task ExecuteAsync_RequestFailsHalfWay_KeepsWhatWasAnsweredAndCountsWhatWasLost()
    {
        var whole = await RunAsync(zoo.Configure(BothStages, "whole"));
        var calls = 0;
        var failing = new SoftmaxHost(Names, Pull) { BreaksAfterOneAnswer = () => ++calls == 30 };
        var first = await Assert.ThrowsAsync<PartialAnswersException>(() => RunAsync(zoo.Configure(BothStages), host: failing));
        Assert.Equal(2, first.Lost);
        var host = Host();
        var resumed = await RunAsync(zoo.Configure(BothStages), resume: true, host);
        Assert.Equal(2, resumed.Spending.Lost);
        Assert.Equal(whole.Spending.Queries + 2, resumed.Spending.Queries);
        // Nothing answered is asked again.
        Assert.Equal(whole.Spending.Queries, failing.ScoredRecords + host.ScoredRecords);
        Assert.Equal(2, Manifest(resumed)["queries_lost"]!.GetValue<int>());
        Assert.Equal(Bytes("whole", "adapter_model.safetensors"), Bytes("out", "adapter_model.safetensors"));
    }

    [Fact]
    public async Task ExecuteAsync_DamagedButParsableJournal_NamesTheLineAndGoesOnWhenAsked()
    {
        await RunAsync(zoo.Configure(BothStages, "whole"));
        var journal = Encoding.UTF8.GetString(Bytes("whole", ObservationJournal.FileName)).Split('\n');
        var damaged = Array.FindIndex(journal, 100, line => line.Contains("\"logprob\":-", StringComparison.Ordinal));
        journal[damaged] = journal[damaged].Replace("\"logprob\":-", "\"logprob\":-1", StringComparison.Ordinal); // still good JSON
        CopyCut("whole", "out", 0);
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "out", ObservationJournal.FileName), string.Join('\n', journal));

        var error = await Assert.ThrowsAsync<JournalException>(() => RunAsync(zoo.Configure(BothStages), resume: true));
        Assert.Contains($"{ObservationJournal.FileName}, line {damaged + 1}: damaged", error.Message, StringComparison.Ordinal);
        await RunAsync(zoo.Configure(BothStages), resume: true, options: new RunOptions(Repair: true));
        AssertSameResults("whole", "out");
    }

    [Fact]
    public async Task ExecuteAsync_FinishedRunGivenMoreQueries_GoesOnWhereItStood()
    {
        const string Small = Weights + "settings: { population: 6, sample: 6, held_out: 0 }\nbudget: { queries: 400 }";
        var first = await RunAsync(zoo.Configure(Small));
        var host = Host();
        var larger = await RunAsync(
            zoo.Configure(Small), resume: true, host, options: new RunOptions(LargerBudget: new RunBudget(null, 1000)));
        Assert.True(larger.Stages[0].Iterations > first.Stages[0].Iterations);
        Assert.True(host.ScoredRecords < larger.Spending.Queries, "what the journal holds is not asked again");
        Assert.InRange(larger.Spending.Queries, 900, 1000);

        // The same as a run that had the larger budget from the start, apart from what the first end asked for.
        var straight = await RunAsync(zoo.Configure(Small.Replace("400", "1000", StringComparison.Ordinal), "straight"));
        Assert.Equal(straight.Stages[0].Iterations, larger.Stages[0].Iterations, 3.0);

        // Without a number the run keeps its last budget; a smaller one is refused.
        var again = await RunAsync(zoo.Configure(Small), resume: true);
        Assert.Equal(larger.Stages[0].Iterations, again.Stages[0].Iterations);
        var error = await Assert.ThrowsAsync<JournalException>(
            () => RunAsync(zoo.Configure(Small), resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, 500))));
        Assert.Contains("only a larger one", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_Resumed_WallTimeAddsUp()
    {
        var clock = new SteppingClock();
        var whole = await RunAsync(zoo.Configure(BothStages, "whole"), clock: clock);
        CopyCut("whole", "out", Bytes("whole", ObservationJournal.FileName).Length / 2);
        var resumed = await RunAsync(zoo.Configure(BothStages), resume: true, clock: new SteppingClock());
        // Each look at the clock is a second later; half the looks were the first process's.
        Assert.InRange(resumed.WallTime.TotalSeconds, 0.8 * whole.WallTime.TotalSeconds, 1.2 * whole.WallTime.TotalSeconds);
        Assert.True(whole.WallTime.TotalSeconds > 20);
    }

    [Fact]
    public async Task ExecuteAsync_BestSingleAdapterWins_IsTheResultAndSaysSo()
    {
        var host = new SoftmaxHost(Names, [-3, 3, -3]);
        var result = await RunAsync(zoo.Configure(Hopeless), host: host);
        Assert.True(result.Verdict.IsSingle);
        var share = Assert.Single(Shares(result.Recipe));
        Assert.Equal(("adapter-b", 1.0, 1.0), (share.Name, share.Weight, share.KeepFraction));
        Assert.Equal(result.Verdict.Single.Loss, result.ValidationLoss);
        Assert.True(result.Verdict.SearchLoss > result.ValidationLoss);
        Assert.True(result.Verdict.Difference.Lower > 0);

        var sentence = "The best single adapter, adapter-b, is better than anything the search found";
        Assert.StartsWith(sentence, result.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains(sentence, Encoding.UTF8.GetString(Bytes("out", "README.md")), StringComparison.Ordinal);
        Assert.Equal("best-single", Manifest(result)["result"]!["winner"]!.GetValue<string>());
        Assert.Equal(result.Verdict.Sentence, Manifest(result)["result"]!["sentence"]!.GetValue<string>());
    }

    [Fact]
    public async Task ExecuteAsync_FallbackNone_ShipsTheSearchsOwnAndWarns()
    {
        var log = new EventLog();
        var host = new SoftmaxHost(Names, [-3, 3, -3]);
        var result = await RunAsync(zoo.Configure(Hopeless + "\nfallback: none"), host: host, log: log);
        Assert.Equal(3, Shares(result.Recipe).Count);
        Assert.Equal(result.Verdict.SearchLoss, result.ValidationLoss);
        Assert.Contains(log.Of<RunWarning>(), warning => warning.Kind == WarningKind.WorseThanSingle);
    }

    [Fact]
    public async Task ExecuteAsync_LossImprovesAndMetricDoesNot_ShowsBothAndWarns()
    {
        // Only the untouched helping adapter answers right; every mixture, whatever its loss, says nothing.
        var gold = Cuvee.Data.RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl")).ToDictionary(record =>
            record.Prompt, record => record.Completion);
        var host = new SoftmaxHost(Names, Pull)
        {
            Answer = (recipe, prompt) => recipe.Adapters is [{ Name: "adapter-c", Weight: 1 }] ? gold[prompt] : "",
        };
        var log = new EventLog();
        var result = await RunAsync(
            zoo.Configure(Weights + "metric: rouge-l\nsettings: { population: 10, sample: 18 }\nbudget: { evaluations: 200 }"),
            host: host, log: log);
        Assert.False(result.Verdict.IsSingle);
        Assert.Equal(("rouge-l", 0.0, 1.0),
            (result.Verdict.Metric!.Name, result.Verdict.Metric.Search, result.Verdict.Metric.Single));
        Assert.Equal("adapter-c", result.Verdict.SingleByMetric!.Name);
        Assert.NotEqual("adapter-c", result.Verdict.Single.Name);
        var warning = Assert.Single(log.Of<RunWarning>(), warning => warning.Kind == WarningKind.MetricDisagrees);
        Assert.Contains("rouge-l", warning.Message, StringComparison.Ordinal);
        Assert.Contains(warning.Message, Encoding.UTF8.GetString(Bytes("out", "README.md")), StringComparison.Ordinal);
        Assert.True(result.ControlSpending.Queries > 0);
    }

    [Fact]
    public async Task ExecuteAsync_SuccessiveHalving_FindsTheBestOfManyForFarLessThanAll()
    {
        using var large = new TinyZoo(adapters: 16, records: 64);
        string[] names = [.. Enumerable.Range(0, 16).Select(i => $"adapter-{(char)('a' + i)}")];
        var host = new SoftmaxHost(names, [.. names.Select(name => name == "adapter-k" ? 1.5 : -0.5)]);
        var plan = Assert.Single(RunPlanner.Plan(large.Configure(Weights + "budget: { evaluations: 24 }")));
        var result = await new RunExecutor(new SoftmaxSession(host, null), TimeProvider.System, new EventLog())
            .ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.Equal("adapter-k", result.Verdict.Single.Name);
        Assert.True(result.Verdict.Single.Queries < 16 * 64 / 2, $"{result.Verdict.Single.Queries} of {16 * 64}");
    }

    private static SoftmaxHost Host() => new(Names, Pull);

    private static IReadOnlyList<AdapterShare> Shares(MergeRecipe recipe) => ((WeightedRecipe)recipe).Adapters;

    private static double Weight(RunResult result, string name) => Shares(result.Recipe).Single(share => share.Name == name).Weight;

    private static JsonNode Manifest(RunResult result) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(result.Out, RunWriter.ManifestFileName)))!;

    private async Task<RunResult> RunAsync(
        RunConfiguration configuration, bool resume = false, SoftmaxHost? host = null, EventLog? log = null, RunOptions? options = null,
        TimeProvider? clock = null)
    {
        var plan = Assert.Single(RunPlanner.Plan(configuration, resume));
        var session = new SoftmaxSession(host ?? Host(), new RecipeMerger(AdapterPool.Load(zoo.PoolFolder)));
        return await new RunExecutor(session, clock ?? TimeProvider.System, log ?? new EventLog())
            .ExecuteAsync(plan, null, options, CancellationToken.None);
    }

    private byte[] Bytes(string output, string file) => File.ReadAllBytes(Path.Combine(zoo.Folder, output, file));

    private void AssertSameResults(string first, string second)
    {
        foreach (var file in ResultFiles) Assert.Equal(Bytes(first, file), Bytes(second, file));
    }

    /// <summary>What a killed process leaves: the identity and the first bytes of the journal.</summary>
    private void CopyCut(string from, string to, int length)
    {
        var folder = Directory.CreateDirectory(Path.Combine(zoo.Folder, to)).FullName;
        File.Copy(Path.Combine(zoo.Folder, from, RunIdentity.FileName), Path.Combine(folder, RunIdentity.FileName));
        File.WriteAllBytes(Path.Combine(folder, ObservationJournal.FileName), Bytes(from, ObservationJournal.FileName)[..length]);
    }

    /// <summary>Offset after the line feed of the 1-based line.</summary>
    private static int EndOfLine(byte[] journal, int line)
    {
        var end = 0;
        for (var i = 0; i < line; i++) end = Array.IndexOf(journal, (byte)'\n', end) + 1;
        return end;
    }

    /// <summary>Every look is one second after the last.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long looks;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Increment(ref looks);
    }
}
