using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Providers;

/// <summary>What a run file may ask of a llama-server, and the scales that reach it; the real server: lane llama.cpp.</summary>
public sealed class LlamaCppProviderTests : IDisposable
{
    private readonly TinyZoo zoo = new();
    private readonly List<string> adapters = ["pool/adapter-a.gguf", "pool/adapter-b.gguf", "pool/adapter-b@0.5.gguf", "pool/adapter-c.gguf"];
    private readonly List<JsonNode> asked = [];
    private int? vocabulary;
    private double lostByScale = 0.1;
    private double reusedPrompts;
    private bool ends = true;

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task RealizeAsync_Recipe_BecomesTheScalesOfEveryRequest()
    {
        await using var session = await Provider().OpenAsync(TextRules.Plain, CancellationToken.None);
        var recipe = new WeightedRecipe(
            MergeSpace.Delta, [new AdapterShare("adapter-b", -0.75, 0.5), new AdapterShare("adapter-c", 1.25), new AdapterShare("adapter-a", 0)]);
        asked.Clear();
        await using (var lease = await session.Host.RealizeAsync(recipe, CancellationToken.None))
            await lease.Model.ScoreAsync([new PromptCompletion("r", "red", "soup")], CancellationToken.None);
        Assert.Equal([0, 0, -0.75, 1.25], Scales(Assert.Single(asked)));

        asked.Clear();
        await using (var lease = await session.Host.RealizeAsync(new WeightedRecipe(MergeSpace.Delta, []), CancellationToken.None))
            await lease.Model.ScoreAsync([new PromptCompletion("r", "red", "soup")], CancellationToken.None);
        Assert.Equal([0, 0, 0, 0], Scales(Assert.Single(asked)));
        Assert.NotNull(session.Weights);
    }

    [Theory]
    [InlineData(MergeSpace.Factors, "adapter-a", 1, "space delta")]
    [InlineData(MergeSpace.Delta, "adapter-x", 1, "no adapter 'adapter-x'")]
    [InlineData(MergeSpace.Delta, "adapter-a", 0.5, "start it with 'adapter-a@0.5.gguf', too")]
    public async Task RealizeAsync_BeyondTheServer_IsRefused(MergeSpace space, string name, double fraction, string expected)
    {
        await using var session = await Provider().OpenAsync(TextRules.Plain, CancellationToken.None);
        var error = await Assert.ThrowsAsync<ArgumentException>(async () => await session.Host.RealizeAsync(
            new WeightedRecipe(space, [new AdapterShare(name, 1, fraction)]), CancellationToken.None));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAsync_AdaptersThatDoNothing_AreRefused()
    {
        lostByScale = 0;
        await AssertRefusedAsync("no adapter changes an answer");
    }

    [Fact]
    public async Task OpenAsync_AnswersThatRememberTheLastAdapter_AreRefused()
    {
        reusedPrompts = 0.5;
        await AssertRefusedAsync("depend on the one asked before by");
    }

    [Fact]
    public async Task OpenAsync_ClosingTokenThatEndsNothing_IsRefused()
    {
        ends = false;
        var error = await Assert.ThrowsAsync<LanguageModelException>(() => Provider().OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.Contains("does not end a generation there", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("search: cma-es\nspace: factors", "cannot merge in space 'factors'; set space: delta")]
    [InlineData("search: merge-method", "cannot apply merge methods")]
    [InlineData("search: evo-merging", "stage 'keep-fractions' needs them pruned, too; set settings: {stages: [weights]}")]
    [InlineData("search: cma-es\noutput: { format: folded }", "does not hold the base model's weights")]
    public void Plan_BeyondTheServer_IsRefusedInOneSentence(string lines, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(lines)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_AdapterThatIsNotServed_NamesIt()
    {
        adapters.RemoveAt(0);
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure("search: cma-es")));
        Assert.Contains("has no adapter 'adapter-a' (it has adapter-b, adapter-c)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_TokenizerOfAnotherModel_IsRefused()
    {
        vocabulary = 32_000;
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure("search: cma-es")));
        Assert.Contains("a vocabulary of 32000 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_PrunedFormsOfAll_LetTheFirstStageChooseAmongThem()
    {
        adapters.AddRange(["pool/adapter-a@0.5.gguf", "pool/adapter-c@0.5.gguf"]);
        var plan = RunPlanner.Plan(Configure("search: evo-merging"))[0];
        Assert.Contains(plan.Notes, note => note.StartsWith("keep fractions are 1, 0.5:", StringComparison.Ordinal));
        var recipe = (WeightedRecipe)plan.Program.Stages[0].SpaceAround(plan.Program.Start).Decode([0.9, 0.6, 0.1]);
        Assert.Equal([1, 0.5, 0.5], recipe.Adapters.Select(share => share.KeepFraction));
    }

    [Theory]
    [InlineData("key: secret", "put the key into an environment variable")]
    [InlineData("key_variable: CUVEE_TEST_NO_SUCH_KEY", "CUVEE_TEST_NO_SUCH_KEY, which is not set")]
    [InlineData("slots: 0", "'model.slots' must be a whole number")]
    [InlineData("slot: 2", "did you mean 'slots'?")]
    public void Load_Keys_AreChecked(string key, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => Configure("search: cma-es", ", " + key));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///model.gguf")]
    [InlineData("localhost")]
    public void Load_NoAddress_IsRefused(string url) => Assert.Contains(
        "give an address such as", Assert.Throws<BadInputException>(() => Configure("search: cma-es", url: url)).Message,
        StringComparison.Ordinal);

    private async Task AssertRefusedAsync(string expected)
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => Provider().OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<double> Scales(JsonNode body) =>
        body["lora"]!.AsArray().Select(entry => entry!["scale"]!.GetValue<double>());

    private IProvider Provider() => Configure("search: cma-es").Provider;

    private RunConfiguration Configure(string lines, string keys = "", string url = "http://llama.test") => RunConfiguration.Parse(
        $"model: {{ provider: llama.cpp, url: \"{url}\", tokenizer: model{keys} }}\npool: {{ path: pool }}\n" +
        $"validation: validation.jsonl\nout: out\n{lines}\n",
        Path.Combine(zoo.Folder, "run.yaml"),
        Catalog.Default.WithServices(new ServiceNetwork(new ImpatientClock(), () => new ScriptedHandler(
            (request, body, _, _) => Task.FromResult(ScriptedHandler.Json(Answer(request, body).ToJsonString()))))));

    private JsonNode Answer(HttpRequestMessage request, JsonNode? body) => request.RequestUri!.AbsolutePath switch
    {
        "/lora-adapters" => new JsonArray([.. adapters.Select((path, id) =>
            (JsonNode)new JsonObject { ["id"] = id, ["path"] = path, ["scale"] = 0.0 })]),
        "/v1/models" => JsonNode.Parse($$$"""{"data":[{"id":"base.gguf","meta":{"n_vocab":{{{vocabulary ?? zoo.Config.VocabSize}}}}}]}""")!,
        "/props" => JsonNode.Parse("""
            {"build_info":"b1-test","model_path":"/srv/base.gguf","total_slots":2,"default_generation_settings":{"n_ctx":128}}
            """)!,
        "/completion" => Complete(body!),
        var path => throw new InvalidOperationException(path),
    };

    /// <summary>Every token -2 nats, less by a part of the scales' sum; where prompts are reused, the last request's scales show.</summary>
    private JsonObject Complete(JsonNode body)
    {
        double LogProbability(JsonNode? of) => -2 - (lostByScale * (of?["lora"] is null ? 0 : Scales(of).Select((s, i) => s * (i + 1)).Sum()));
        var value = LogProbability(body) + (reusedPrompts * (asked.Count == 0 ? 0 : LogProbability(asked[^1]) + 2));
        asked.Add(body);
        var closing = body["logit_bias"]?[0]![0]!.GetValue<int>();
        var forced = (body["grammar"]?.GetValue<string>()[9..].Split(' ') ?? []).Select(id => int.Parse(id[2..^2]));
        return new JsonObject
        {
            ["content"] = "",
            ["stop_type"] = ends ? "eos" : "limit",
            ["timings"] = new JsonObject { ["cache_n"] = 0 },
            ["completion_probabilities"] = new JsonArray([.. forced.Append(closing ?? 1).Select(id =>
                (JsonNode)new JsonObject { ["id"] = id, ["logprob"] = value })]),
        };
    }
}
