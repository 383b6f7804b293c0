using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Served;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Providers;

/// <summary>The routes of docs/serve.md over the embedded engine; the real service has tests of its own.</summary>
public sealed class ServedProviderTests : IAsyncDisposable
{
    private const string Scored = """
        {"object":"score","model":"base",
         "records":[{"id":"0","logprob":-3.25,"tokens":2,"prompt_tokens":9,"token_logprobs":[-1.25,-2.0]}],
         "summary":{"loss":1.625,"records":1,"tokens":2}}
        """;

    private static readonly JsonNode Recipe = JsonNode.Parse("""{"space":"delta","adapters":[{"name":"ner-snips","weight":0.7}]}""")!;

    private readonly TinyZoo zoo = new();
    private readonly List<JsonNode> asked = [];
    private readonly Lazy<Task<IProviderSession>> embedded;

    public ServedProviderTests() => embedded = new Lazy<Task<IProviderSession>>(
        () => zoo.Configure("search: cma-es").Provider.OpenAsync(TextRules.Plain, CancellationToken.None));

    public async ValueTask DisposeAsync()
    {
        if (embedded.IsValueCreated) await (await embedded.Value).DisposeAsync();
        zoo.Dispose();
    }

    [Fact]
    public async Task ScoreAsync_Records_AreTheLiteralRequest()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(Scored));
        var score = (await Model(handler).ScoreAsync([new PromptCompletion("secret id", "p", "answer")], CancellationToken.None))[0];
        Assert.Equal((-3.25, 2, 9), (score.LogProbability, score.Tokens, score.PromptTokens));
        Assert.Equal([-1.25f, -2f], score.TokenLogProbabilities);
        AssertSent(handler, "/v1/score", """
            {"model":"base","recipe":{"space":"delta","adapters":[{"name":"ner-snips","weight":0.7}]},
             "records":[{"id":"0","prompt":"p","completion":"answer"}]}
            """);
    }

    [Theory]
    [InlineData("\"id\":\"0\"", "\"id\":\"1\"")]
    [InlineData("\"tokens\":2,\"prompt", "\"tokens\":3,\"prompt")]
    [InlineData("-2.0]", "null]")]
    public async Task ScoreAsync_AnswerOfNoUse_IsAskedAgain(string good, string bad)
    {
        Assert.Contains(good, Scored, StringComparison.Ordinal);
        var handler = new ScriptedHandler(
            () => ScriptedHandler.Json(Scored.Replace(good, bad, StringComparison.Ordinal)), () => ScriptedHandler.Json(Scored));
        await Model(handler).ScoreAsync([new PromptCompletion("r", "p", "answer")], CancellationToken.None);
        Assert.Equal(2, handler.Sent.Count);
    }

    [Fact]
    public async Task GenerateAsync_Prompt_IsTheLiteralRequest()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("""
            {"choices":[{"index":0,"text":" soup","finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}
            """));
        var answer = (await Model(handler, TextRules.Plain with { CompletionEnd = "none" }).GenerateAsync(
            ["p"], new GenerationOptions { MaxTokens = 2, Stop = ["."] }, CancellationToken.None))[0];
        Assert.Equal(new GeneratedCompletion(" soup", 2, StopReason.MaxTokens, 1), answer);
        AssertSent(handler, "/v1/completions", """
            {"model":"base","recipe":{"space":"delta","adapters":[{"name":"ner-snips","weight":0.7}]},"completion_end":"none",
             "prompt":"p","max_tokens":2,"temperature":0,"seed":0,"stop":["."]}
            """);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ScoreAsync_ManyRecords_GoInSeveralRequestsAndOneThatFailsLosesNoOther(bool fails)
    {
        PromptCompletion[] records = [.. Enumerable.Range(0, 70).Select(i => new PromptCompletion($"r{i}", $"p{i}", "a"))];
        var handler = new ScriptedHandler((_, body, _, _) =>
        {
            var sent = body!["records"]!.AsArray();
            return Task.FromResult(fails && sent[0]!["prompt"]!.GetValue<string>() == "p32"
                ? ScriptedHandler.Json("""{"error":{"message":"no"}}""", HttpStatusCode.BadRequest)
                : ScriptedHandler.Json(Answer(sent.Select(record =>
                    new ScoredCompletion(-int.Parse(record!["prompt"]!.GetValue<string>()[1..]), 1, 1, [-1f])))));
        });
        var scoring = Model(handler).ScoreAsync(records, CancellationToken.None);
        if (fails)
        {
            var error = await Assert.ThrowsAsync<PartialAnswersException>(() => scoring);
            Assert.Equal(0, error.Lost);
            Assert.All(Enumerable.Range(0, 32), i => Assert.Equal(-i, error.Scores[i].LogProbability));
            Assert.All(Enumerable.Range(32, 32), i => Assert.DoesNotContain(i, error.Scores.Keys));
            return;
        }

        Assert.Equal(Enumerable.Range(0, 70).Select(i => -(double)i), (await scoring).Select(score => score.LogProbability));
        Assert.Equal([6, 32, 32], handler.Sent.Select(sent => sent.Body!["records"]!.AsArray().Count).Order());
    }

    [Theory]
    [InlineData("search: fisher-probing\nbudget: { queries: 400 }")]
    [InlineData("search: evo-merging\npreset: paper\nsettings: { population: 6, sample: 6 }\nbudget: { evaluations: 60 }")]
    public async Task Run_ThroughTheService_FindsTheRecipeOfTheEmbeddedRun(string search)
    {
        var own = await RunAsync(zoo.Configure(search, "embedded"));
        var served = await RunAsync(Configure(search));
        Assert.Equal(RecipeJson.Serialize(own.Recipe), RecipeJson.Serialize(served.Recipe));
        Assert.Equal(own.Spending, served.Spending);
        var lines = await File.ReadAllLinesAsync(Path.Combine(own.Out, EvaluationLog.FileName));
        Assert.Equal(lines[..^1], await File.ReadAllLinesAsync(Path.Combine(served.Out, EvaluationLog.FileName)));
        Assert.Contains("\"purpose\":\"written\"", lines[^1], StringComparison.Ordinal); // the embedded run has files to measure
        Assert.Null(served.Written);
        Assert.All(asked, body => Assert.DoesNotContain(zoo.Folder, body.ToJsonString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("search: cma-es", "names: [adapter-a, adapter-z]", "has no adapter 'adapter-z'")]
    [InlineData("search: cma-es\noutput: { rank: 4 }", "names: [adapter-a]", "gives no weights to write")]
    [InlineData("search: cma-es\ntemplate: auto", "names: [adapter-a]", "model.tokenizer")]
    public void Plan_BeyondTheService_IsRefusedInOneSentence(string lines, string pool, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(lines, pool)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Address_IsRecognisedAndTold()
    {
        var network = Network();
        var factory = new ServedProviderFactory(network);
        using var service = network.Connect(new JsonServiceSettings(new Uri("http://cuvee.test")));
        var report = await factory.InspectAsync(service, CancellationToken.None);
        Assert.Equal("cuvee", report!.Kind);
        Assert.Contains(("adapters", "adapter-a, adapter-b, adapter-c"), report.Facts);
        Assert.Null(report.Refusal);

        using var other = new JsonService(
            new JsonServiceSettings(new Uri("http://other.test")), new ImpatientClock(), () => 0.5,
            new ScriptedHandler(() => ScriptedHandler.Json("""{"data":[{"id":"gpt","owned_by":"somebody"}]}""")));
        Assert.Null(await factory.InspectAsync(other, CancellationToken.None));
    }

    private static void AssertSent(ScriptedHandler handler, string path, string body)
    {
        var sent = Assert.Single(handler.Sent);
        Assert.Equal(path, sent.Path);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(sent.Body!.ToJsonString())), sent.Body!.ToJsonString());
    }

    private static ServedModel Model(HttpMessageHandler handler, TextRules? rules = null) => new(
        new JsonService(new JsonServiceSettings(new Uri("http://cuvee.test")), new ImpatientClock(), () => 0.5, handler), "base", Recipe,
        rules ?? TextRules.Plain, 64);

    private static async Task<RunResult> RunAsync(RunConfiguration configuration)
    {
        var run = new MergeRun(TimeProvider.System, new EventLog());
        return (await run.ExecuteAsync([Assert.Single(RunPlanner.Plan(configuration))], CancellationToken.None)).Results[0];
    }

    private RunConfiguration Configure(string lines, string pool = "names: [adapter-a, adapter-b, adapter-c]") => RunConfiguration.Parse(
        $"model: {{ provider: cuvee, url: \"http://cuvee.test\" }}\npool: {{ {pool} }}\nvalidation: validation.jsonl\nout: out\n{lines}\n",
        Path.Combine(zoo.Folder, "run.yaml"),
        Catalog.Default.WithServices(Network()));

    private ServiceNetwork Network() => new(new ImpatientClock(), () => new ScriptedHandler(async (request, body, _, token) =>
        ScriptedHandler.Json(request.RequestUri!.AbsolutePath switch
        {
            "/v1/models" => """
                {"object":"list","data":[{"id":"base","object":"model","owned_by":"cuvee","context_length":128,"fingerprint":"00ff"},
                 {"id":"adapter-a","object":"model","owned_by":"cuvee","parent":"base"}]}
                """,
            "/v1/adapters" => """
                {"object":"list","data":[{"name":"adapter-b","ranks":[2],"modules":14,"layers":[0,1]},
                 {"name":"adapter-a","ranks":[2],"modules":14,"layers":[0,1]},
                 {"name":"adapter-c","ranks":[2],"modules":14,"layers":[0,1]}]}
                """,
            "/v1/score" => await ScoreAsync(body!, token),
            var path => throw new InvalidOperationException(path),
        })));

    private async Task<string> ScoreAsync(JsonNode body, CancellationToken token)
    {
        lock (asked) asked.Add(body);
        var recipe = RecipeJson.Parse(Encoding.UTF8.GetBytes(body["recipe"]!.ToJsonString()), "recipe");
        await using var lease = await (await embedded.Value).Host.RealizeAsync(recipe, token);
        return Answer(await lease.Model.ScoreAsync(
            [.. body["records"]!.AsArray().Select(record => new PromptCompletion(
                record!["id"]!.GetValue<string>(), record["prompt"]!.GetValue<string>(), record["completion"]!.GetValue<string>()))],
            token));
    }

    private static string Answer(IEnumerable<ScoredCompletion> scores) => new JsonObject
    {
        ["records"] = new JsonArray([.. scores.Select((score, i) => (JsonNode)new JsonObject
        {
            ["id"] = $"{i}",
            ["logprob"] = score.LogProbability,
            ["tokens"] = score.Tokens,
            ["prompt_tokens"] = score.PromptTokens,
            ["token_logprobs"] = new JsonArray([.. score.TokenLogProbabilities!.Select(value => (JsonNode)value)]),
        })]),
    }.ToJsonString();
}
