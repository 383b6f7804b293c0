using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Server.Dialects;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Tests;

/// <summary>The clients that ship talk to the service over a socket in the wire formats of other servers.</summary>
public sealed class DialectTests : IDisposable
{
    private const string Search = "search: cma-es\nsettings: { population: 4, sample: 6, held_out: 0 }\nbudget: { evaluations: 16 }";

    private const int ContextLength = 512; // llama.cpp's probe asks a long question

    private static readonly PromptCompletion[] Records = [new("r", "red river", "soup bread"), new("s", "plum", "stone lamp cloud")];

    private readonly TinyZoo zoo = new(contextLength: ContextLength); // the service has its own of the same bytes

    public DialectTests() => Directory.CreateDirectory(Exchange);

    public static TheoryData<string> Dialects { get; } = new(ServerDialect.All);

    private string Exchange => Path.Combine(zoo.Folder, "exchange");

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Search_ThroughLlamaCpp_IsTheEmbeddedRun()
    {
        await using var service = await StartAsync(ServerDialect.LlamaCpp);
        var (served, embedded) = (await RunAsync(Configure(service, ServerDialect.LlamaCpp, "served")), await RunAsync(
            zoo.Configure(Search + "\nspace: delta", "embedded")));
        Assert.Equal(embedded.ValidationLoss, served.ValidationLoss, 1e-6);
        foreach (var (expected, actual) in Shares(embedded).Zip(Shares(served)))
        {
            Assert.Equal(expected.Name, actual.Name);
            Assert.Equal(expected.Weight, actual.Weight, 1e-6);
        }
    }

    [Theory]
    [InlineData(ServerDialect.Vllm)]
    [InlineData(ServerDialect.Sglang)]
    public async Task Search_ThroughUploads_LossesOfTheEmbeddedEngine(string dialect)
    {
        await using var service = await StartAsync(dialect);
        var result = await RunAsync(Configure(service, dialect, "served"));
        await using var session = await zoo.Configure(Search).Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        var scores = await ScoreAsync(session, result.Recipe, Data.RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl")));
        Assert.Equal(MeanLoss.Of(scores), result.ValidationLoss, 1e-3 * result.ValidationLoss); // candidates travel in bf16
        Assert.NotNull(result.Written!.ValidationLoss);
        Assert.Empty(Directory.GetFileSystemEntries(Exchange));
        Assert.Empty(service.Part<UploadedAdapters>().Names);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Recipe_ScoresAndAnswers_AreTheEmbeddedEngines(string dialect)
    {
        await using var service = await StartAsync(dialect);
        await using var served = await Configure(service, dialect).Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        await using var embedded = await zoo.Configure(Search).Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 0.8), new AdapterShare("adapter-b", -0.4)]);
        var options = new GenerationOptions { MaxTokens = 12 };
        await using var actual = await served.Host.RealizeAsync(recipe, CancellationToken.None);
        var scores = await actual.Model.ScoreAsync(Records, CancellationToken.None);
        await using (var expected = dialect == ServerDialect.LlamaCpp
            ? await embedded.Host.RealizeAsync(recipe, CancellationToken.None)
            : await RealizeUploadAsync(embedded, recipe))
        {
            AssertWithin(1e-6, await expected.Model.ScoreAsync(Records, CancellationToken.None), scores);
            Assert.Equal(
                await expected.Model.GenerateAsync(["red soup", "plum"], options, CancellationToken.None),
                await actual.Model.GenerateAsync(["red soup", "plum"], options, CancellationToken.None));
        }

        AssertWithin(5e-3, await ScoreAsync(embedded, recipe, Records), scores); // an upload is rounded to bf16
    }

    [Theory]
    [InlineData(null, 400, "invalid_request_error")]
    [InlineData(ServerFault.NotFound, 404, "invalid_request_error")]
    [InlineData(ServerFault.ServerError, 500, "server_error")]
    public async Task LlamaCpp_Refusal_InItsOwnForm(string? fault, int status, string type)
    {
        await using var service = await StartAsync(ServerDialect.LlamaCpp, fault is null ? [] : [fault]);
        var ids = fault is null ? "99999" : "2";
        using var refused = await service.PostAsync("/completion", $$"""{"prompt": [{{ids}}], "n_predict": 1, "temperature": 0}""");
        Assert.Equal(status, (int)refused.StatusCode);
        var error = JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["error"]!.AsObject();
        Assert.Equal(["code", "message", "type"], error.Select(member => member.Key));
        Assert.Equal(status, error["code"]!.GetValue<int>());
        Assert.Equal(type, error["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task LlamaCpp_TokenInsideACharacter_ReadFromTheDistribution()
    {
        await using var service = await StartAsync(ServerDialect.LlamaCpp);
        PromptCompletion[] records = [new("r", "red", "süß 🜁")];
        await using var served = await Configure(service, ServerDialect.LlamaCpp).Provider.OpenAsync(
            TextRules.Plain, CancellationToken.None);
        await using var embedded = await zoo.Configure(Search).Provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", -0.7)]);
        var (expected, actual) = (await ScoreAsync(embedded, recipe, records), await ScoreAsync(served, recipe, records));
        Assert.Equal(expected[0].TokenLogProbabilities!, actual[0].TokenLogProbabilities!);
    }

    [Theory]
    [InlineData(ServerDialect.Vllm, ServerFault.SilentBase, "no adapter changes an answer")]
    [InlineData(ServerDialect.Sglang, ServerFault.SilentBase, "no adapter changes an answer")]
    [InlineData(ServerDialect.LlamaCpp, ServerFault.SilentBase, "no adapter changes an answer")]
    [InlineData(ServerDialect.Vllm, ServerFault.StaleCache, "depend on the one asked before by")]
    [InlineData(ServerDialect.Sglang, ServerFault.StaleCache, "depend on the one asked before by")]
    [InlineData(ServerDialect.LlamaCpp, ServerFault.StaleCache, "depend on the one asked before by")]
    [InlineData(ServerDialect.Vllm, ServerFault.SilentEcho, "/v1/completions: gave an answer that")]
    [InlineData(ServerDialect.Sglang, ServerFault.SilentEcho, "has 0 log-probabilities instead of")]
    [InlineData(ServerDialect.LlamaCpp, ServerFault.SilentEcho, "log-probabilities")]
    [InlineData(ServerDialect.Vllm, ServerFault.NotFound, "answered 404 (The model does not exist)")]
    [InlineData(ServerDialect.Sglang, ServerFault.NotFound, "answered 404 (The model does not exist)")]
    [InlineData(ServerDialect.LlamaCpp, ServerFault.NotFound, "answered 404 (The model does not exist)")]
    [InlineData(ServerDialect.Vllm, ServerFault.ServerError, "answered 500 (The engine encountered an issue)")]
    [InlineData(ServerDialect.Sglang, ServerFault.ServerError, "answered 500 (The engine encountered an issue)")]
    [InlineData(ServerDialect.LlamaCpp, ServerFault.ServerError, "answered 500 (The engine encountered an issue)")]
    [InlineData(ServerDialect.Vllm, ServerFault.RankLimit, "LoRA rank 2 is greater than max_lora_rank 1")]
    [InlineData(ServerDialect.Sglang, ServerFault.RankLimit, "LoRA rank 2 is greater than max_lora_rank 1")]
    public async Task Fault_SwitchedOn_IsCaughtBeforeTheSearch(string dialect, string fault, string sentence)
    {
        await using var service = await StartAsync(dialect, fault);
        var provider = Configure(service, dialect).Provider;
        var error = await Record.ExceptionAsync(() => provider.OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.True(error is BadInputException or LanguageModelException, $"{error}");
        Assert.Contains(sentence, error!.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(service.Folder, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Exchange));
    }

    [Theory]
    [InlineData(ServerDialect.Vllm, "/v1/load_lora_adapter", """{"lora_name": "x", "lora_path": "\u0000"}""", "holds a null character")]
    [InlineData(ServerDialect.Sglang, "/load_lora_adapter", """{"lora_name": "x", "lora_path": "\u0000"}""", "holds a null character")]
    [InlineData(
        ServerDialect.Vllm, "/v1/completions", """{"model": "base", "prompt": [2], "max_tokens": 0, "echo": true, "logprobs": 0}""",
        "'prompt' has one token, which nothing stands before")]
    [InlineData(
        ServerDialect.LlamaCpp, "/completion", """{"prompt": [2], "grammar": "root ::= <[3]>", "lora": [{"id": 0, "scale": 1e30}]}""",
        "no finite log-probability; choose smaller weights")]
    [InlineData(ServerDialect.LlamaCpp, "/completion", """{"prompt": [2], "logit_bias": [[]]}""", "'logit_bias[0]' is empty")]
    public async Task Dialect_CallersMistake_OneSentence(string dialect, string path, string body, string sentence)
    {
        await using var service = await StartAsync(dialect);
        using var refused = await service.PostAsync(path, body);
        var text = await refused.Content.ReadAsStringAsync();
        Assert.True((int)refused.StatusCode == 400, text);
        Assert.Contains(sentence, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LlamaCpp_TopPAboveOne_KeepsAllTokens()
    {
        await using var service = await StartAsync(ServerDialect.LlamaCpp);
        async Task<string> AskAsync(int topP) => (await service.AskAsync(
            "/completion", $$"""{"prompt": [2], "n_predict": 8, "top_p": {{topP}}, "seed": 1}"""))["content"]!.GetValue<string>();
        Assert.Equal(await AskAsync(1), await AskAsync(2));
    }

    [Fact]
    public async Task StopTokenIds_EachOfThem_EndsTheAnswer()
    {
        await using var service = await StartAsync(ServerDialect.Vllm);
        async Task<JsonNode> AskAsync(IEnumerable<int> ids) => await service.AskAsync(
            "/v1/completions",
            $$"""{"model": "base", "prompt": [2], "max_tokens": 6, "temperature": 0, "stop_token_ids": [{{string.Join(", ", ids)}}]}""");
        var vocabulary = service.Part<ServedPool>().Config.VocabSize;
        Assert.Equal(6, (await AskAsync([]))["usage"]!["completion_tokens"]!.GetValue<int>());
        var ended = await AskAsync(Enumerable.Range(0, vocabulary));
        Assert.Equal(1, ended["usage"]!["completion_tokens"]!.GetValue<int>());
        Assert.Equal("stop", ended["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("../pool/adapter-a")]
    [InlineData("/etc")]
    [InlineData("")]
    [InlineData("nothing")]
    public async Task Upload_OutsideTheSharedFolder_NotFound(string path)
    {
        await using var service = await StartAsync(ServerDialect.Vllm);
        using var refused = await service.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name": "x", "lora_path": "{{path}}"}""");
        Assert.Equal(404, (int)refused.StatusCode);
        Assert.DoesNotContain(zoo.Folder, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vlm", "silent-base", true, "there is no 'vlm'; choose vllm, sglang, llama.cpp")]
    [InlineData("vllm", "silent", true, "there is no 'silent'; choose silent-echo")]
    [InlineData("vllm", null, false, "needs --exchange")]
    [InlineData("llama.cpp", "rank-limit", false, "none of its faults")]
    [InlineData(null, "silent-base", false, "--fault needs --dialect")]
    public void Create_WrongDialectOrFault_Refused(string? dialect, string? fault, bool shares, string sentence)
    {
        var options = new ServerOptions
        {
            Model = zoo.ModelFolder,
            Pool = zoo.PoolFolder,
            Dialect = dialect,
            Faults = fault is null ? [] : [fault],
            Exchange = shares ? Exchange : null,
        };
        var refusal = Assert.Throws<BadInputException>(() => CuveeServer.Create(options, TimeProvider.System, _ => { }));
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    private Task<Service> StartAsync(string dialect, params string[] faults) => Service.StartAsync(
        options => options with
        {
            Dialect = dialect,
            Exchange = dialect == ServerDialect.LlamaCpp ? null : Exchange,
            Faults = faults,
        },
        listens: true,
        contextLength: ContextLength);

    private RunConfiguration Configure(Service service, string dialect, string output = "out")
    {
        var exchange = dialect == ServerDialect.LlamaCpp ? "" : ", exchange: exchange";
        return RunConfiguration.Parse(
            $"model: {{ provider: {dialect}, url: \"{service.Address}\", tokenizer: model, attempts: 1{exchange} }}\n" +
            $"pool: {{ path: pool }}\nvalidation: validation.jsonl\nout: {output}\n{Search}\nspace: delta\n",
            Path.Combine(zoo.Folder, "run.yaml"),
            Catalog.Default.WithServices(new ServiceNetwork(TimeProvider.System)));
    }

    private static async Task<RunResult> RunAsync(RunConfiguration configuration) =>
        (await new MergeRun(TimeProvider.System, new Quiet()).ExecuteAsync(
            RunPlanner.Plan(configuration), CancellationToken.None)).Results[0];

    private static IReadOnlyList<AdapterShare> Shares(RunResult result) => ((WeightedRecipe)result.Recipe).Adapters;

    private static async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IProviderSession session, MergeRecipe recipe, IReadOnlyList<PromptCompletion> records)
    {
        await using var lease = await session.Host.RealizeAsync(recipe, CancellationToken.None);
        return await lease.Model.ScoreAsync(records, CancellationToken.None);
    }

    /// <summary>By the embedded engine, with the adapter that a search uploads: the merged one in bf16.</summary>
    private async Task<IModelLease> RealizeUploadAsync(IProviderSession embedded, MergeRecipe recipe)
    {
        var folder = Path.Combine(zoo.Folder, "uploaded");
        PeftWriter.Write(folder, new MergedAdapterBuilder(embedded.Weights!).Build(recipe, "uploaded").Adapter, TensorType.BF16);
        return (await embedded.RealizeWrittenAsync(folder, CancellationToken.None))!;
    }

    /// <param name="tolerance">Nats a token.</param>
    private static void AssertWithin(
        double tolerance, IReadOnlyList<ScoredCompletion> expected, IReadOnlyList<ScoredCompletion> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.Equal(one.Tokens, other.Tokens);
            Assert.Equal(one.LogProbability, other.LogProbability, tolerance * one.Tokens);
        }
    }
}
