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
    private readonly FakeLlamaServer server;

    public LlamaCppProviderTests() => server = new FakeLlamaServer(zoo.Config.VocabSize);

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task RealizeAsync_Recipe_BecomesTheScalesOfEveryRequest()
    {
        await using var session = await Provider().OpenAsync(TextRules.Plain, CancellationToken.None);
        var recipe = new WeightedRecipe(
            MergeSpace.Delta,
            [new AdapterShare("adapter-b", -0.75, 0.5), new AdapterShare("adapter-c", 1.25), new AdapterShare("adapter-a", 0)]);
        server.Asked.Clear();
        await using (var lease = await session.Host.RealizeAsync(recipe, CancellationToken.None))
            await lease.Model.ScoreAsync([new PromptCompletion("r", "red", "soup")], CancellationToken.None);
        Assert.Equal([0, 0, -0.75, 1.25], FakeLlamaServer.Scales(Assert.Single(server.Asked)));

        server.Asked.Clear();
        await using (var lease = await session.Host.RealizeAsync(new WeightedRecipe(MergeSpace.Delta, []), CancellationToken.None))
            await lease.Model.ScoreAsync([new PromptCompletion("r", "red", "soup")], CancellationToken.None);
        Assert.Equal([0, 0, 0, 0], FakeLlamaServer.Scales(Assert.Single(server.Asked)));
        Assert.NotNull(session.Weights);
        Assert.Equal(0, session.LargestMeasuredRank);
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
        server.LostByScale = 0;
        await AssertRefusedAsync("no adapter changes an answer");
    }

    [Fact]
    public async Task OpenAsync_AnswersThatRememberTheLastAdapter_AreRefused()
    {
        server.ReusedPrompts = 0.5;
        await AssertRefusedAsync("depend on the one asked before by");
    }

    [Fact]
    public async Task OpenAsync_ClosingTokenThatEndsNothing_IsRefused()
    {
        server.Ends = false;
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
    public void Plan_StartThatPrunesAnAdapter_NamesItAndWhatIsServed()
    {
        var start = Path.Combine(zoo.Folder, "start.json");
        RecipeJson.Write(start, new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-b", 0.4, KeepFraction: 0.3)]));
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure($"search: cma-es\nstart: {start}")));
        Assert.EndsWith(
            "start.json: keeps a part of adapter 'adapter-b' that the provider has no file of; it has 1.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_AdapterThatIsNotServed_NamesIt()
    {
        server.Adapters.RemoveAt(0);
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure("search: cma-es")));
        Assert.Contains("has no adapter 'adapter-a' (it has adapter-b, adapter-c)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_TokenizerOfAnotherModel_IsRefused()
    {
        server.Vocabulary = 32_000;
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure("search: cma-es")));
        Assert.Contains("a vocabulary of 32000 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_PrunedFormsOfAll_LetTheFirstStageChooseAmongThem()
    {
        server.Adapters.AddRange(["pool/adapter-a@0.5.gguf", "pool/adapter-c@0.5.gguf"]);
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

    [Fact]
    public void Load_UnknownKey_ListsNoneThatIsAlwaysRefused()
    {
        var error = Assert.Throws<BadInputException>(() => Configure("search: cma-es", ", slot: 2"));
        Assert.Contains("known keys are ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(" key,", error.Message, StringComparison.Ordinal);
    }

    /// <summary>An environment file with the line ends of another system.</summary>
    [Theory]
    [InlineData("s3cret\r")]
    [InlineData(" s3cret\n")]
    public void KeyOf_WhiteSpaceAround_IsNoPartOfIt(string value)
    {
        Environment.SetEnvironmentVariable("CUVEE_TEST_PADDED_KEY", value);
        Assert.Equal("s3cret", ServiceKey.Of("CUVEE_TEST_PADDED_KEY", problem => new BadInputException(problem)));
    }

    [Theory]
    [InlineData("s3cret\r\nX: y")]
    [InlineData("s3cr\u00e9t")]
    public void Load_KeyThatNoHeaderCarries_NamesTheVariableAndNotTheKey(string value)
    {
        Environment.SetEnvironmentVariable("CUVEE_TEST_BROKEN_KEY", value);
        var error = Assert.Throws<BadInputException>(() => Configure("search: cma-es", ", key_variable: CUVEE_TEST_BROKEN_KEY"));
        Assert.Contains(
            "'model.key_variable' names the environment variable CUVEE_TEST_BROKEN_KEY, whose value has a character", error.Message,
            StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///model.gguf")]
    [InlineData("localhost")]
    public void Load_NoAddress_IsRefused(string url) => Assert.Contains(
        "give an address such as", Assert.Throws<BadInputException>(() => Configure("search: cma-es", url: url)).Message,
        StringComparison.Ordinal);

    /// <summary>What a GGUF file's texts are read from beside it decides the answers, too.</summary>
    [Fact]
    public void Identity_GgufFileAsTokenizer_HoldsTheTokenizerFileBesideIt()
    {
        zoo.WriteGguf();
        IEnumerable<string> Roles(string tokenizer) => Configure("search: cma-es", tokenizer: tokenizer).Provider.Identity().Keys
            .Where(key => key.StartsWith("tokenizer/", StringComparison.Ordinal));
        Assert.Equal(["tokenizer/model.gguf", "tokenizer/tokenizer.json"], Roles("model.gguf"));
        Assert.Equal(["tokenizer/config.json", "tokenizer/generation_config.json", "tokenizer/tokenizer.json"], Roles("model"));
    }

    private async Task AssertRefusedAsync(string expected)
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => Provider().OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), error.Message);
    }

    private IProvider Provider() => Configure("search: cma-es").Provider;

    private RunConfiguration Configure(
        string lines, string keys = "", string url = "http://llama.test", string tokenizer = "model") => RunConfiguration.Parse(
        $"model: {{ provider: llama.cpp, url: \"{url}\", tokenizer: {tokenizer}{keys} }}\npool: {{ path: pool }}\n" +
        $"validation: validation.jsonl\nout: out\n{lines}\n",
        Path.Combine(zoo.Folder, "run.yaml"),
        Catalog.Default.WithServices(new ServiceNetwork(new ImpatientClock(), () => new ScriptedHandler(
            (request, body, _, _) => Task.FromResult(server.Answer(request, body))))));
}
