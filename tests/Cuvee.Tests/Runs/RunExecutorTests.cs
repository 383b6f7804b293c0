using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Planning;

namespace Cuvee.Tests.Runs;

/// <summary>What a search does on the way to its result.</summary>
public sealed class RunExecutorTests : SoftmaxRuns
{
    [Fact]
    public async Task ExecuteAsync_OneAdapterHelpsAndOneHarms_WeightsGetTheirSigns()
    {
        var result = await RunAsync(zoo.Configure(Weights + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }"));
        Assert.True(result.ValidationLoss < result.StartLoss - 0.2);
        Assert.True(Weight(result, "adapter-a") > 0.5, $"helping adapter: {Weight(result, "adapter-a")}");
        Assert.True(Weight(result, "adapter-b") < -0.3, $"harmful adapter: {Weight(result, "adapter-b")}");
    }

    [Fact]
    public async Task ExecuteAsync_FewerCandidatesThanThePopulation_AreOneGeneration()
    {
        var result = await RunAsync(zoo.Configure(Weights + "settings: { candidates: 10, sample: 6 }"));
        Assert.Equal((1, "evaluations"), (result.Stages[0].Iterations, result.Stages[0].StopReason));
    }

    [Fact]
    public async Task ExecuteAsync_LowestWeightZero_HarmfulAdapterIsLeftOutNotSubtracted()
    {
        const string settings = "population: 10, sample: 18, stages: [weights]";
        const string search = "search: evo-merging\nseed: 5\nfallback: none\nbudget: { evaluations: 300 }\nsettings: { " + settings;
        var free = await RunAsync(zoo.Configure($"{search} }}", "free"));
        var bounded = await RunAsync(zoo.Configure($"{search}, lowest_weight: 0 }}", "bounded"));

        Assert.True(Weight(free, "adapter-b") < -0.3, $"free: {Weight(free, "adapter-b")}");
        Assert.InRange(Weight(bounded, "adapter-b"), 0, 0.1);
        Assert.All(Shares(bounded.Recipe), share => Assert.InRange(share.Weight, 0, 1.5));
        Assert.True(bounded.ValidationLoss > free.ValidationLoss);
    }

    [Fact]
    public async Task ExecuteAsync_FisherProbing_ReachesTheLossOfCmaEsWithFewerQueries()
    {
        var evo = await RunAsync(zoo.Configure(Weights + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }", "evo"));
        var fisher = await RunAsync(zoo.Configure("search: fisher-probing\nseed: 5\nbudget: { queries: 1000 }", "fisher"));
        Assert.True(fisher.ValidationLoss < evo.ValidationLoss + 0.01, $"{fisher.ValidationLoss} against {evo.ValidationLoss}");
        Assert.True(fisher.Spending.Queries < evo.Spending.Queries / 3);
    }

    /// <summary>The first round reads what finding the best single adapter asked: only the base model is paid for.</summary>
    [Fact]
    public async Task ExecuteAsync_FisherProbing_FirstProbesAreThoseOfTheSingleAdapters()
    {
        var result = await RunAsync(zoo.Configure(
            "search: fisher-probing\nsettings: { probe_records: 12 }\nseed: 5\nbudget: { queries: 1000 }"));
        var first = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName))
            .Where(line => line is { Stage: "weights", Purpose: EvaluationPurpose.Search, Iteration: 0 }).ToList();
        Assert.Equal(1 + Names.Length, first.Count);
        Assert.All(first, line => Assert.Equal(8, line.Records.Count));
        Assert.Equal([8, .. Names.Select(_ => 0)], first.Select(line => line.Queries));
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
        // The adapters hardly do anything: the start's loss is as good as any, and the penalty on what is kept is nearly the whole
        // objective. Decided by the bare loss, the start would win and stage 1 would buy nothing.
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
}
