using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Providers;

/// <summary>Merged candidates uploaded to a server that computes what it was given, against the embedded provider.</summary>
public sealed class UploadProviderTests : IDisposable
{
    private readonly TinyZoo zoo = new();
    private readonly FakeUploadServer server;

    public UploadProviderTests()
    {
        server = new FakeUploadServer(zoo);
        Directory.CreateDirectory(Exchange);
    }

    public static TheoryData<string> Dialects { get; } = ["vllm", "sglang"];

    private string Exchange => Path.Combine(zoo.Folder, "exchange");

    public void Dispose()
    {
        server.Dispose();
        zoo.Dispose();
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task RealizeAsync_AnyRecipe_AnswersAsTheEmbeddedEngine(string dialect)
    {
        await using var served = await Provider(dialect).OpenAsync(TextRules.Plain, CancellationToken.None);
        await using var embedded = await zoo.Configure("search: cma-es").Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        PromptCompletion[] records = [new("r", "red river", "soup bread"), new("s", "plum", "stone lamp cloud")];
        MergeRecipe[] recipes =
        [
            new WeightedRecipe(MergeSpace.Delta, []),
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 0.8, 0.5), new AdapterShare("adapter-c", -0.6)]),
            new WeightedRecipe(MergeSpace.Factors, [new AdapterShare("adapter-a", 0.7), new AdapterShare("adapter-b", 0.5)]),
            new MethodRecipe(
                "ties", new Dictionary<string, double>(), [new AdapterParameters("adapter-a"), new AdapterParameters("adapter-b")]),
        ];
        foreach (var recipe in recipes)
        {
            var (expected, actual) = (await ScoreAsync(embedded, recipe, records), await ScoreAsync(served, recipe, records));
            for (var i = 0; i < records.Length; i++)
                Assert.Equal(expected[i].LogProbability, actual[i].LogProbability, 0.02 * expected[i].Tokens); // bf16 in the files
        }

        Assert.Empty(server.Loaded);
        Assert.Empty(Directory.GetFileSystemEntries(Exchange));
    }

    [Fact]
    public async Task PoolDoubts_WhatSeveralAdaptersLeaveOpen_IsToldOnce()
    {
        foreach (var name in (string[])["adapter-a", "adapter-c"])
        {
            var config = Path.Combine(zoo.PoolFolder, name, "adapter_config.json");
            await File.WriteAllTextAsync(config, "{\"shiny\": 1," + (await File.ReadAllTextAsync(config)).TrimStart('{'));
        }

        await using var served = await Provider("vllm").OpenAsync(TextRules.Plain, CancellationToken.None);
        await using var embedded = await zoo.Configure("search: cma-es").Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        var expected = Path.Combine(zoo.PoolFolder, "adapter-a", "adapter_config.json") + " and 1 more: the unknown key 'shiny' is ignored";
        foreach (var session in (IProviderSession[])[served, embedded])
            Assert.Single(session.PoolDoubts, doubt => doubt.StartsWith(expected, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_SearchThroughUploads_WritesAndMeasuresTheAdapter()
    {
        var plan = Assert.Single(RunPlanner.Plan(Configure(
            "vllm", "search: cma-es\nsettings: { population: 4, sample: 4, held_out: 0 }\nbudget: { evaluations: 14 }")));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        Assert.Equal(result.ValidationLoss, result.Written!.ValidationLoss!.Value, 0.005 * result.ValidationLoss);
        Assert.True(File.Exists(Path.Combine(result.Out, "adapter_model.safetensors")));
        Assert.Empty(server.Loaded);
        Assert.All(server.EverLoaded, name => Assert.StartsWith("cuvee-", name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task RealizeAsync_MoreRankThanTheServerTakes_IsRecompressed()
    {
        server.MaxRank = 3;
        await using var session = await Provider("vllm", ", max_rank: 3").OpenAsync(TextRules.Plain, CancellationToken.None);
        await using var lease = await session.Host.RealizeAsync(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 1), new AdapterShare("adapter-b", 1)]),
            CancellationToken.None);
        var scores = await lease.Model.ScoreAsync([new PromptCompletion("r", "red", "soup")], CancellationToken.None);
        Assert.True(scores[0].LogProbability < 0);
        Assert.Equal(3, session.LargestMeasuredRank);
    }

    [Fact]
    public async Task RealizeAsync_ServerTakesLessRank_SaysSoAndLeavesNothing()
    {
        server.MaxRank = 3;
        await using var session = await Provider("vllm").OpenAsync(TextRules.Plain, CancellationToken.None);
        var error = await Assert.ThrowsAsync<ServiceException>(async () => await session.Host.RealizeAsync(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 1), new AdapterShare("adapter-b", 1)]),
            CancellationToken.None));
        Assert.Contains("greater than max_lora_rank 3", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Exchange));
    }

    /// <summary>A stop or the server's own error is what the caller sees, without another round of retries.</summary>
    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task DisposeAsync_ServerDied_HidesNoOtherErrorAndLeavesNoFolder(string dialect)
    {
        await using var session = await Provider(dialect).OpenAsync(TextRules.Plain, CancellationToken.None);
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await using var lease = await session.Host.RealizeAsync(
                new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 1)]), CancellationToken.None);
            Assert.NotEmpty(Directory.GetFileSystemEntries(Exchange));
            server.IsDying = true;
            throw new OperationCanceledException();
        });
        Assert.Equal(1, server.Dropped);
        Assert.Empty(Directory.GetFileSystemEntries(Exchange));
        server.IsDying = false;
        await ScoreAsync(session, new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-b", 1)]), [new("r", "red", "soup")]);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task OpenAsync_ServerThatAnswersByTheBaseModel_IsRefused(string dialect)
    {
        server.IsSilent = true;
        await AssertRefusedAsync(dialect, "no adapter changes an answer");
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task OpenAsync_ServerThatRemembersAnAdapter_IsRefused(string dialect)
    {
        server.IsStale = true;
        await AssertRefusedAsync(dialect, "answer alike under their own names");
    }

    [Theory]
    [InlineData("pool: { names: [a] }", "pool.path is missing; vllm is given merged adapters")]
    [InlineData("pool: { path: pool }", "which is no folder; make it, and share it", "nowhere")]
    public void Plan_WhatItNeedsIsMissing_IsRefused(string pool, string expected, string exchange = "exchange")
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure("vllm", "search: cma-es", "", pool, exchange)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private async Task AssertRefusedAsync(string dialect, string expected)
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => Provider(dialect).OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), error.Message);
    }

    private static async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IProviderSession session, MergeRecipe recipe, IReadOnlyList<PromptCompletion> records)
    {
        await using var lease = await session.Host.RealizeAsync(recipe, CancellationToken.None);
        return await lease.Model.ScoreAsync(records, CancellationToken.None);
    }

    private IProvider Provider(string dialect, string keys = "") => Configure(dialect, "search: cma-es", keys).Provider;

    private RunConfiguration Configure(
        string dialect, string lines, string keys = "", string pool = "pool: { path: pool }", string exchange = "exchange") =>
        RunConfiguration.Parse(
            $"model: {{ provider: {dialect}, url: \"http://model.test\", tokenizer: model, exchange: {exchange}{keys} }}\n{pool}\n" +
            $"validation: validation.jsonl\nout: out\n{lines}\n",
            Path.Combine(zoo.Folder, "run.yaml"),
            Catalog.Default.WithServices(new ServiceNetwork(new ImpatientClock(), () => new ScriptedHandler(
                (request, body, _, _) => Task.FromResult(server.Answer(request, body))))));
}
