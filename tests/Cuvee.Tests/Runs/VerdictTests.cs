using System.Text;
using Cuvee.Events;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>What a result is held against before it ships.</summary>
public sealed class VerdictTests : SoftmaxRuns
{
    // Weights stay 1/N, so that no candidate comes near one good adapter alone.
    private const string Hopeless = "search: evo-merging\nspace: delta\nseed: 5\nbudget: { evaluations: 16 }\n" +
        "settings: { stages: [keep-fractions], population: 6, sample: 2, held_out: 0 }";

    [Fact]
    public async Task ExecuteAsync_BestSingleAdapterWins_IsTheResultAndSaysSo()
    {
        var host = new SoftmaxHost(Names, [-3, 3, -3]);
        var result = await RunAsync(zoo.Configure(Hopeless), host: host);
        Assert.True(result.IsSingle);
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

    /// <summary>Every resample of one record is that record, so that its interval looks certain.</summary>
    [Theory]
    [InlineData(Weights + "budget: { evaluations: 120 }", 1.0, "The search found something better")]
    [InlineData(Hopeless, -3.0, "The best single adapter, adapter-b, is better than anything")]
    [InlineData(Hopeless + "\nfallback: none", -3.0, "The best single adapter, adapter-b, is better than the result")]
    public async Task ExecuteAsync_OneValidationRecord_SaysThatItMayBeChance(string search, double pull, string sentence)
    {
        using var small = new TinyZoo(records: 1);
        var plan = Assert.Single(RunPlanner.Plan(small.Configure(search)));
        var result = await new RunExecutor(
            new SoftmaxSession(new SoftmaxHost(Names, [pull, -pull, pull]), null), TimeProvider.System, new EventLog())
            .ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.StartsWith(sentence, result.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Equal(result.Verdict.Difference.Lower, result.Verdict.Difference.Upper);
        Assert.Contains("]), which may be chance", result.Verdict.Sentence, StringComparison.Ordinal);
    }

    /// <summary>Of one adapter weight 1 is where the search begins, and less of it is worse.</summary>
    [Theory]
    [InlineData("", "best-single")]
    [InlineData("\nfallback: none", "search")]
    public async Task ExecuteAsync_SearchEndsAtTheSingleAdapter_SaysThatItFoundNothing(string fallback, string winner)
    {
        using var small = new TinyZoo(adapters: 1);
        var plan = Assert.Single(RunPlanner.Plan(small.Configure(Hopeless + fallback)));
        var result = await new RunExecutor(
            new SoftmaxSession(new SoftmaxHost(Names[..1], [1]), new RecipeMerger(AdapterPool.Load(small.PoolFolder))),
            TimeProvider.System, new EventLog()).ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.Equal(result.Verdict.Single.Loss, result.Verdict.SearchLoss);
        Assert.Equal(
            $"The search found nothing better than the best single adapter, adapter-a: cross-entropy {result.ValidationLoss:0.000} for " +
            "both on the validation records; the result is that adapter alone.",
            result.Verdict.Sentence);
        Assert.Equal(winner, Manifest(result)["result"]!["winner"]!.GetValue<string>());
        Assert.DoesNotContain(result.Warnings, warning => warning.Kind == WarningKind.WorseThanSingle);
    }

    [Fact]
    public async Task ExecuteAsync_AnotherRecipeIsAsGood_ShipsItAndSaysSo()
    {
        // By a metric: no recipe answers anything right.
        var result = await RunAsync(
            zoo.Configure(Weights + "objective: rouge-l\nbudget: { evaluations: 8 }"),
            host: new SoftmaxHost(Names, Pull) { Answer = (_, _) => "" });
        Assert.Equal(result.Verdict.Single.Loss, result.Verdict.SearchLoss);
        Assert.False(result.IsSingle);
        Assert.StartsWith(
            "The search found nothing better than the best single adapter", result.Verdict.Sentence, StringComparison.Ordinal);
        Assert.EndsWith("; the result is the search's own.", result.Verdict.Sentence, StringComparison.Ordinal);
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
        Assert.False(result.IsSingle);
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

    /// <summary>On the first records no adapter answers anything right: the loss knows more than the order of the names.</summary>
    [Fact]
    public async Task ExecuteAsync_MetricTiesOnTheFirstRecords_TheLossDecidesWhoGoesOn()
    {
        using var large = new TinyZoo(adapters: 16, records: 64);
        string[] names = [.. Enumerable.Range(0, 16).Select(i => $"adapter-{(char)('a' + i)}")];
        var records = Cuvee.Data.RecordFile.Read(Path.Combine(large.Folder, "validation.jsonl"));
        var first = BestSingleAdapter.AskedOfAll(16, 64, seed: 5).Select(i => records[i].Prompt).ToHashSet();
        var gold = records.ToDictionary(record => record.Prompt, record => record.Completion);
        var host = new SoftmaxHost(names, [.. names.Select(name => name == "adapter-p" ? 1.5 : -0.5)])
        {
            Answer = (recipe, prompt) => recipe.Adapters is [{ Name: "adapter-p" }] && !first.Contains(prompt) ? gold[prompt] : "",
        };
        var plan = Assert.Single(RunPlanner.Plan(large.Configure(Weights + "metric: rouge-l\nbudget: { evaluations: 24 }")));
        var result = await new RunExecutor(new SoftmaxSession(host, null), TimeProvider.System, new EventLog())
            .ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.Equal("adapter-p", result.Verdict.SingleByMetric!.Name);
    }

    [Fact]
    public async Task ExecuteAsync_NothingButTies_TheSeedDecidesNotTheNames()
    {
        var found = new HashSet<string>();
        for (var seed = 1; seed <= 8; seed++)
        {
            var host = new SoftmaxHost(Names, Pull) { Answer = (_, _) => "" };
            var search = $"search: cma-es\nobjective: rouge-l\nseed: {seed}\nbudget: {{ evaluations: 8 }}";
            var result = await RunAsync(zoo.Configure(search, $"out-{seed}"), host: host);
            found.Add(result.Verdict.Single.Name);
        }

        Assert.True(found.Count > 1, string.Join(", ", found));
    }
}
