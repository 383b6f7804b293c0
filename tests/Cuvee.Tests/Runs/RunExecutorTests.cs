using System.Text;
using Cuvee.Events;
using Cuvee.Hosting;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;

namespace Cuvee.Tests.Runs;

public sealed class RunExecutorTests : IDisposable
{
    private const string EvoMerging = "search: evo-merging\nspace: delta\nseed: 5\n";
    private const string BothStages = EvoMerging +
        "settings: { stages: [keep-fractions, weights], population: 6, sample: 6, held_out: 0.25, check_every: 2 }\n" +
        "budget: { evaluations: 80 }";

    private static readonly string[] ResultFiles =
        ["adapter_model.safetensors", "adapter_config.json", "recipe.json", "README.md", Journal.FileName];

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task ExecuteAsync_OneAdapterHelpsAndOneHarms_WeightsGetTheirSigns()
    {
        var result = await RunAsync(zoo.Configure(EvoMerging + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }"));
        Assert.True(result.ValidationLoss < result.StartLoss - 0.2);
        Assert.True(Weight(result, "adapter-a") > 0.5, $"helping adapter: {Weight(result, "adapter-a")}");
        Assert.True(Weight(result, "adapter-b") < -0.3, $"harmful adapter: {Weight(result, "adapter-b")}");
    }

    [Fact]
    public async Task ExecuteAsync_FisherProbing_ReachesTheLossOfEvoMergingWithFewerQueries()
    {
        var evo = await RunAsync(zoo.Configure(EvoMerging + "settings: { population: 10, sample: 18 }\nbudget: { evaluations: 300 }",
            "evo"));
        var fisher = await RunAsync(zoo.Configure("search: fisher-probing\nseed: 5\nbudget: { queries: 1000 }", "fisher"));
        Assert.True(fisher.ValidationLoss < evo.ValidationLoss + 0.01, $"{fisher.ValidationLoss} against {evo.ValidationLoss}");
        Assert.True(fisher.Spending.Queries < evo.Spending.Queries / 3);
    }

    [Fact]
    public async Task ExecuteAsync_SameSeedTwice_WritesTheSameBytes()
    {
        await RunAsync(zoo.Configure(BothStages, "first"));
        await RunAsync(zoo.Configure(BothStages, "second"));
        foreach (var file in ResultFiles) Assert.Equal(Bytes("first", file), Bytes("second", file));
    }

    [Fact]
    public async Task ExecuteAsync_OtherSeed_WritesAnotherRecipe()
    {
        await RunAsync(zoo.Configure(BothStages, "first"));
        await RunAsync(zoo.Configure(BothStages.Replace("seed: 5", "seed: 6", StringComparison.Ordinal), "second"));
        Assert.NotEqual(Bytes("first", "recipe.json"), Bytes("second", "recipe.json"));
    }

    [Theory]
    [InlineData(BothStages)]
    [InlineData("search: fisher-probing\nseed: 5\nbudget: { queries: 700 }\nsettings: { probe_records: 5, line_search_records: 9 }")]
    public async Task ExecuteAsync_KilledAtAnyByteAndResumed_EqualsNeverStopped(string settings)
    {
        var whole = await RunAsync(zoo.Configure(settings, "whole"));
        var journal = Bytes("whole", Journal.FileName);
        var lines = Encoding.UTF8.GetString(journal).Split('\n').Length - 1;
        // Lines all over the run, in turn cut cleanly, in mid-line and just before the line feed.
        for (var (line, kind) = (1, 0); line < lines; (line, kind) = (line + (lines / 6), kind + 1))
        {
            var end = EndOfLine(journal, line);
            var cut = new[] { end, end + 25, EndOfLine(journal, line + 1) - 1 }[kind % 3];
            var output = $"cut-{cut}";
            var folder = Directory.CreateDirectory(Path.Combine(zoo.Folder, output)).FullName;
            File.Copy(Path.Combine(zoo.Folder, "whole", RunIdentity.FileName), Path.Combine(folder, RunIdentity.FileName));
            await File.WriteAllBytesAsync(Path.Combine(folder, Journal.FileName), journal[..cut]);
            var resumed = await RunAsync(zoo.Configure(settings, output), resume: true);
            foreach (var file in ResultFiles) Assert.Equal(Bytes("whole", file), Bytes(output, file));
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
        Assert.True(log.Of<RunResumed>().Single().Evaluations > 40);
    }

    [Fact]
    public async Task ExecuteAsync_ResumedWithAnotherSetting_NamesIt()
    {
        await RunAsync(zoo.Configure(BothStages));
        var error = await Assert.ThrowsAsync<JournalException>(
            () => RunAsync(zoo.Configure(BothStages.Replace("population: 6", "population: 7", StringComparison.Ordinal)), resume: true));
        Assert.Contains("search.population_size", error.Message, StringComparison.Ordinal);
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
        var configuration = zoo.Configure("search: evo-merging\npreset: paper\nspace: delta\nsettings: { population: 8 }\n" + budget);
        var host = Host();
        var result = await RunAsync(configuration, host: host);
        var lines = Journal.Read(Path.Combine(result.Out, Journal.FileName));
        Assert.Equal(lines.Count, result.Spending.Evaluations);
        Assert.Equal(lines.Sum(line => line.Queries), result.Spending.Queries);
        Assert.Equal(host.ScoredRecords, result.Spending.Queries);
        Assert.True(lines.Count <= (configuration.Search.Budget.Evaluations ?? int.MaxValue));
        Assert.True(host.ScoredRecords <= (configuration.Search.Budget.Queries ?? int.MaxValue));
        Assert.Contains(lines, line => line.Purpose == EvaluationPurpose.Search);
    }

    [Fact]
    public async Task ExecuteAsync_TwoStages_SecondStartsWhereTheFirstEnded()
    {
        var result = await RunAsync(zoo.Configure(BothStages));
        Assert.Equal(["keep-fractions", "weights"], result.Stages.Select(stage => stage.Name));
        var (first, second) = (result.Stages[0], result.Stages[1]);
        Assert.All(first.Recipe.Adapters, share => Assert.Equal(1.0 / 3, share.Weight));
        Assert.True(first.Loss < first.StartLoss, "pruning the harmful adapter helps the uniform average");
        Assert.Equal(first.Loss, second.StartLoss);
        Assert.Equal(first.Recipe.Adapters.Select(share => share.KeepFraction), second.Recipe.Adapters.Select(share => share.KeepFraction));
        Assert.True(second.Loss <= second.StartLoss);
    }

    [Fact]
    public async Task ExecuteAsync_OneGeneration_SharesOneSampleWithoutHeldOutRecords()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(BothStages)));
        await RunAsync(zoo.Configure(BothStages));
        var lines = Journal.Read(Path.Combine(zoo.Folder, "out", Journal.FileName));
        var generations = lines.Where(line => line.Purpose == EvaluationPurpose.Search).GroupBy(line =>
            (line.Stage, line.Iteration)).ToList();
        Assert.All(generations, generation => Assert.Single(generation.Select(line => string.Join(',', line.Records)).Distinct()));
        Assert.True(generations.Select(generation => string.Join(',', generation.First().Records)).Distinct().Count() > 5,
            "another sample for another generation");
        Assert.Empty(generations.SelectMany(generation => generation.First().Records).Intersect(plan.Split.HeldOut));
        Assert.Contains(lines, line => line.Purpose == EvaluationPurpose.HeldOut);
        Assert.All(lines.Where(line => line.Purpose == EvaluationPurpose.HeldOut), line => Assert.Equal(plan.Split.HeldOut, line.Records));
    }

    [Fact]
    public async Task ExecuteAsync_NothingToGain_ReturnsTheStart()
    {
        // Pulls of zero: every direction only adds noise, so small samples promise gains that the re-evaluation refutes.
        var host = new SoftmaxHost(["adapter-a", "adapter-b", "adapter-c"], [0, 0, 0]);
        var result = await RunAsync(
            zoo.Configure(EvoMerging + "settings: { population: 6, sample: 1, held_out: 0, step_size: 0.5 }\nbudget: { evaluations: 12 }"),
                host: host);
        Assert.True(result.ValidationLoss <= result.StartLoss);
    }

    [Fact]
    public async Task ExecuteAsync_HeldOutStopsImproving_StopsTheStage()
    {
        var result = await RunAsync(zoo.Configure(
            EvoMerging + "settings: { population: 10, sample: 3, held_out: 0.4, check_every: 1, patience: 3 }\n" +
                "budget: { evaluations: 5000 }"));
        Assert.Equal("held-out", result.Stages[0].StopReason);
        Assert.True(result.Spending.Evaluations < 1000);
    }

    [Fact]
    public async Task ExecuteAsync_WeightsRunIntoTheirBounds_Warns()
    {
        var log = new EventLog();
        var host = new SoftmaxHost(["adapter-a", "adapter-b", "adapter-c"], [4, 4, 4]);
        await RunAsync(
            zoo.Configure(EvoMerging + "settings: { population: 10, step_size: 0.5, penalty: 0, held_out: 0 }\n" +
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
        var failing = new SoftmaxHost(["adapter-a", "adapter-b", "adapter-c"], Pull)
        {
            Scoring = _ =>
            {
                if (++calls == 30) throw new LanguageModelException("the provider went away");
            },
        };
        await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync(zoo.Configure(BothStages), host: failing));
        Assert.False(File.Exists(Path.Combine(zoo.Folder, "out", "recipe.json")));
        await RunAsync(zoo.Configure(BothStages), resume: true);
        foreach (var file in ResultFiles) Assert.Equal(Bytes("whole", file), Bytes("out", file));
    }

    private static readonly double[] Pull = [1, -1, 0.1];

    private static SoftmaxHost Host() => new(["adapter-a", "adapter-b", "adapter-c"], Pull);

    private static double Weight(RunResult result, string name) => result.Recipe.Adapters.Single(share => share.Name == name).Weight;

    private async Task<RunResult> RunAsync(Cuvee.Configuration.RunConfiguration configuration, bool resume = false,
        IAdapterHost? host = null, EventLog? log = null)
    {
        var plan = Assert.Single(RunPlanner.Plan(configuration, resume));
        var merger = new RecipeMerger(AdapterPool.Load(zoo.PoolFolder));
        return await new RunExecutor(host ?? Host(), merger, TimeProvider.System, log ?? new EventLog()).ExecuteAsync(plan,
            CancellationToken.None);
    }

    private byte[] Bytes(string output, string file) => File.ReadAllBytes(Path.Combine(zoo.Folder, output, file));

    /// <summary>Offset after the line feed of the 1-based line.</summary>
    private static int EndOfLine(byte[] journal, int line)
    {
        var end = 0;
        for (var i = 0; i < line; i++) end = Array.IndexOf(journal, (byte)'\n', end) + 1;
        return end;
    }
}
