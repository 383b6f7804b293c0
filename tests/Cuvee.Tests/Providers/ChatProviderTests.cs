using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Hosting.Text;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Text;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;
using Microsoft.Extensions.AI;

namespace Cuvee.Tests.Providers;

/// <summary>Endpoints that answer in text and tell nothing else.</summary>
public sealed class ChatProviderTests : IDisposable
{
    private const string Search =
        "search: cma-es\nobjective: exact-match\nsettings: { population: 6, sample: 8 }\nbudget: { queries: 900 }";

    private const int PromptTokens = 9;
    private const int AnswerTokens = 2;

    private readonly TinyZoo zoo = new();
    private readonly Dictionary<string, string> completions;
    private readonly List<JsonNode> asked = [];
    private bool ignoresRecipes;
    private bool tellsUsage;

    public ChatProviderTests() => completions = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"))
        .ToDictionary(record => record.Prompt, record => record.Completion);

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task GenerateAsync_Prompt_IsOneUserTurnWithTheRecipeBesideIt()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("""
            {"id":"c1","object":"chat.completion","choices":[{"index":0,"finish_reason":"length",
             "message":{"role":"assistant","content":"soup"}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}
            """));
        using var client = new HttpChatClient(new JsonService(
            new JsonServiceSettings(new Uri("https://chat.test/v1")) { Key = "k" }, new ImpatientClock(), () => 0.5, handler));
        var choice = await new RecipeField("merge", "tiny").ChooseAsync(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", -0.5)]), CancellationToken.None);
        var answers = await new ChatClientModel(client, choice, 2).GenerateAsync(
            ["red"], new GenerationOptions { MaxTokens = 7, Seed = 3, Stop = ["."] }, CancellationToken.None);
        Assert.Equal([new GeneratedCompletion("soup", 2, StopReason.MaxTokens, 3)], answers);
        var (_, path, body, key) = Assert.Single(handler.Sent);
        Assert.Equal(("/v1/chat/completions", "Bearer k"), (path, key));
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse("""
                    {"model":"tiny","messages":[{"role":"user","content":"red"}],"max_tokens":7,"temperature":0,"seed":3,"stop":["."],
                     "merge":{"space":"delta","adapters":[{"name":"a","keep_fraction":1,"weight":-0.5}]}}
                    """),
                JsonNode.Parse(body!.ToJsonString())),
            body.ToJsonString());
    }

    /// <summary>A model that says nothing; an answer without a message is sent again.</summary>
    [Theory]
    [InlineData("""{"message":{"role":"assistant","content":null},"finish_reason":"length"}""", 1)]
    [InlineData("""{"finish_reason":"length"}""", 2)]
    public async Task GenerateAsync_NoContent_IsTheEmptyAnswer(string choice, int requests)
    {
        var handler = new ScriptedHandler(
            () => ScriptedHandler.Json($$"""{"choices":[{{choice}}]}"""),
            () => ScriptedHandler.Json("""{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"""));
        using var client = new HttpChatClient(new JsonService(
            new JsonServiceSettings(new Uri("https://chat.test/v1")), new ImpatientClock(), () => 0.5, handler));
        var answers = await new ChatClientModel(client, new ChatOptions(), 1).GenerateAsync(
            ["red"], new GenerationOptions(), CancellationToken.None);
        Assert.Equal([new GeneratedCompletion("", 0, StopReason.MaxTokens)], answers);
        Assert.Equal(requests, handler.Sent.Count);
    }

    [Fact]
    public async Task Run_MetricAsObjective_FindsWhatAnswersBest()
    {
        var plan = Assert.Single(RunPlanner.Plan(Configure(Search)));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        var weights = ((WeightedRecipe)result.Recipe).Adapters.ToDictionary(share => share.Name, share => share.Weight);
        Assert.True(weights["good"] > weights["bad"], string.Join(", ", weights));
        Assert.True(result.ValidationLoss < 0.3, $"{result.ValidationLoss}");
        Assert.Null(result.Written);
        Assert.All(asked, body => Assert.Equal("tiny", body["model"]!.GetValue<string>()));
    }

    /// <summary>Every candidate is a model of its own name while it is asked, and dropped afterwards.</summary>
    [Fact]
    public async Task Run_CommandMakesCandidatesServable_FindsWhatAnswersBest()
    {
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "serve.sh"), """
            name=candidate-$(ls | grep -c candidate-)
            cp "$1" "$name.json"
            echo "$name"
            """);
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "drop.sh"), "mv \"$1.json\" \"$1.dropped\"\n");
        var configuration = Configure(
            Search.Replace("queries: 900", "queries: 400", StringComparison.Ordinal),
            "provider: chat, url: \"https://chat.test/v1\", realize: [sh, serve.sh], release: [sh, drop.sh]");
        var plan = Assert.Single(RunPlanner.Plan(configuration));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        Assert.True(result.ValidationLoss < result.StartLoss, $"{result.StartLoss} -> {result.ValidationLoss}");
        Assert.Empty(Directory.GetFiles(zoo.Folder, "candidate-*.json"));
        var dropped = Directory.GetFiles(zoo.Folder, "candidate-*.dropped").Length;
        Assert.Equal(asked.Select(body => body["model"]!.GetValue<string>()).Distinct().Count(), dropped);
        Assert.True(dropped > 10, $"{dropped} candidates");
    }

    /// <summary>Nobody counts tokens beforehand: the plan estimates, the answers tell.</summary>
    [Theory]
    [InlineData("tokens: 9000")]
    [InlineData("cost: 0.01")] // prompts at 1, answers at 2 for a million
    public async Task Run_TokensOrMoneyByUsage_EndsWithinTheBudget(string budget)
    {
        tellsUsage = true;
        var configuration = Configure(
            Search.Replace("queries: 900", budget, StringComparison.Ordinal) + "\nmax_tokens: 8",
            "provider: chat, url: \"https://chat.test/v1\", model: tiny, price: { prompt: 1, completion: 2 }");
        var plan = Assert.Single(RunPlanner.Plan(configuration));
        Assert.Contains(plan.Notes, note => note.Contains("tokens are estimated", StringComparison.Ordinal));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        var (tokens, cost) = (result.Spending.Tokens, result.Spending.Cost!.Value);
        Assert.Equal(result.Spending.Queries * (PromptTokens + AnswerTokens), tokens);
        Assert.Equal(1e-6 * result.Spending.Queries * (PromptTokens + (2 * AnswerTokens)), cost, 12);
        if (configuration.Search.Budget.Tokens is { } most) Assert.InRange(tokens, 0.5 * most, most);
        else Assert.InRange(cost, 0.005, 0.01);
        Assert.Equal("budget", result.Stages[0].StopReason);
    }

    [Fact]
    public async Task Run_PriceAndNoUsage_IsRefusedInOneSentence()
    {
        var configuration = Configure(
            Search, "provider: chat, url: \"https://chat.test/v1\", model: tiny, price: { prompt: 1, completion: 2 }");
        var plan = Assert.Single(RunPlanner.Plan(configuration));
        var error = await Assert.ThrowsAsync<LanguageModelException>(
            () => new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None));
        Assert.Contains("does not tell how many tokens its answers took", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAsync_EndpointThatIgnoresRecipes_IsRefused()
    {
        ignoresRecipes = true;
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => Configure(Search).Provider.OpenAsync(TextRules.Plain, CancellationToken.None));
        Assert.Contains("so it does not apply recipes; correct recipe_field or realize", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task InspectAsync_Endpoint_IsAskedWhatTheStartOfARunAsks(bool ignores)
    {
        ignoresRecipes = ignores;
        var report = await ((IServedProvider)Configure(Search).Provider).InspectAsync(TextRules.Plain, CancellationToken.None);
        Assert.Equal(("chat", ("at", "chat at https://chat.test/v1")), (report.Kind, report.Facts[0]));
        Assert.Equal(ignores, report.Refusal is not null);
        Assert.Equal(6, asked.Count);
    }

    [Fact]
    public async Task RealizeAsync_Command_NamesTheModelThatRequestsAskFor()
    {
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "serve.sh"), """
            #!/bin/sh
            cp "$2" "$1-recipe.json"
            echo loading...
            echo "$1-candidate"
            """);
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "drop.sh"), "echo \"$1\" >> dropped.txt\n");
        await System.Diagnostics.Process.Start("chmod", ["+x", Path.Combine(zoo.Folder, "serve.sh")]).WaitForExitAsync();
        var choice = new RealizeCommand(["./serve.sh", "fresh"], ["sh", "drop.sh"], zoo.Folder); // beside the run file, not here
        using var client = Client();
        await using var host = new TextAdapterHost(client, choice, ["good", "bad"], candidates: 1, slots: 2);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("good", 0.25)]);
        await using (var lease = await host.RealizeAsync(recipe, CancellationToken.None))
            await lease.Model.GenerateAsync(["red"], new GenerationOptions(), CancellationToken.None);
        Assert.Equal("fresh-candidate", Assert.Single(asked)["model"]!.GetValue<string>());
        Assert.Equal(RecipeJson.Serialize(recipe), await File.ReadAllBytesAsync(Path.Combine(zoo.Folder, "fresh-recipe.json")));
        Assert.Equal("fresh-candidate\n", await File.ReadAllTextAsync(Path.Combine(zoo.Folder, "dropped.txt")));
    }

    [Theory]
    [InlineData("echo no luck >&2; exit 3", "exit code 3 (no luck)")]
    [InlineData("true", "printed no name")]
    public async Task RealizeAsync_CommandFails_SaysWhatItSaid(string script, string expected)
    {
        using var client = Client();
        await using var host = new TextAdapterHost(client, new RealizeCommand(["sh", "-c", script], null, zoo.Folder), ["good"], 1, 1);
        for (var i = 0; i < 2; i++) // a failure must give the place back
        {
            var error = await Assert.ThrowsAsync<LanguageModelException>(
                async () => await host.RealizeAsync(new WeightedRecipe(MergeSpace.Delta, []), CancellationToken.None));
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A release that fails or hangs hides nothing, and is said before the next candidate.</summary>
    [Theory]
    [InlineData("echo still asked >&2; exit 4", 30, "exit code 4 (still asked)")]
    [InlineData("sleep 600", 0, "'sh' took longer than 0 s and was stopped.")]
    public async Task DisposeAsync_ReleaseFails_IsSaidByTheNextCandidate(string script, double seconds, string expected)
    {
        var recipe = new WeightedRecipe(MergeSpace.Delta, []);
        var limit = new CommandLimit(TimeSpan.FromSeconds(seconds), TimeProvider.System);
        using var client = Client();
        await using var host = new TextAdapterHost(
            client, new RealizeCommand(["echo"], ["sh", "-c", script], zoo.Folder, limit), ["good"], candidates: 1, slots: 1);
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
            throw new OperationCanceledException();
        });
        var error = await Assert.ThrowsAsync<LanguageModelException>(async () => await host.RealizeAsync(recipe, CancellationToken.None));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        await host.RealizeAsync(recipe, CancellationToken.None); // said once, and the place given back
    }

    [Fact]
    public async Task Run_ClientOfAProgramsOwn_IsAProviderLikeAnyOther()
    {
        var catalog = Catalog.Default with
        {
            Providers =
            [
                .. Catalog.Default.Providers,
                new ChatProviderFactory(
                    "house",
                    settings => new ChatConnection(
                        $"the house's model {settings.Model.RequiredText("deployment", "a name")}", 4,
                        () => (new HouseClient(this), () => 0)),
                    TimeProvider.System),
            ],
        };
        var plan = RunPlanner.Plan(Configure(Search, "provider: house, deployment: d1", catalog))[0];
        Assert.Equal("the house's model d1", plan.Configuration.Provider.Description);
        await using var session = await plan.Configuration.Provider.OpenAsync(plan.Text, CancellationToken.None);
        await using var lease = await session.Host.RealizeAsync(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("good", 1)]), CancellationToken.None);
        var record = completions.First();
        var answers = await lease.Model.GenerateAsync([record.Key], new GenerationOptions(), CancellationToken.None);
        Assert.Equal(record.Value, answers[0].Text);
    }

    [Theory]
    [InlineData("search: fisher-probing", "objective 'cross-entropy' needs log-probabilities, which it does not give")]
    [InlineData("search: cma-es\nobjective: ie-f1\noutput: { rank: 8 }", "gives no weights to write")]
    public void Plan_BeyondText_IsRefusedInOneSentence(string lines, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(lines)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("realize: [a], recipe_field: b", "'realize' or 'recipe_field', not both")]
    [InlineData("release: [a]", "'release' belongs to 'realize'")]
    [InlineData("realize: []", "a command needs a program")]
    public void Load_Keys_AreChecked(string keys, string expected)
    {
        var error = Assert.Throws<BadInputException>(
            () => Configure(Search, $"provider: chat, url: \"https://chat.test/v1\", {keys}"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("names: [good, bad], exclude: [ugly]", "pool.exclude names 'ugly', which pool.names lacks")]
    [InlineData("names: [good, bad], exclude: [bad, good]", "pool.names leaves no adapter")]
    public void Plan_NamesThatLeaveNothingOrExcludeAStranger_AreRefused(string pool, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(Search, pool: pool)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private RunConfiguration Configure(
        string lines, string model = "provider: chat, url: \"https://chat.test/v1\", model: tiny", Catalog? catalog = null,
        string pool = "names: [good, bad]") =>
        RunConfiguration.Parse(
            $"model: {{ {model} }}\npool: {{ {pool} }}\nvalidation: validation.jsonl\nout: out\n{lines}\n",
            Path.Combine(zoo.Folder, "run.yaml"),
            catalog ?? Catalog.Default.WithServices(new ServiceNetwork(new ImpatientClock(), Handler)));

    private HttpChatClient Client() => new(new JsonService(
        new JsonServiceSettings(new Uri("https://chat.test/v1")), new ImpatientClock(), () => 0.5, Handler()));

    private ScriptedHandler Handler() => new((_, body, _, _) => Task.FromResult(ScriptedHandler.Json(new JsonObject
    {
        ["choices"] = new JsonArray(new JsonObject
        {
            ["finish_reason"] = "stop",
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = Answer(body!) },
        }),
        ["usage"] = tellsUsage ? new JsonObject { ["prompt_tokens"] = PromptTokens, ["completion_tokens"] = AnswerTokens } : null,
    }.ToJsonString())));

    /// <summary>The better the recipe, the more prompts are answered right; every adapter at weight 3 knows nothing.</summary>
    private string Answer(JsonNode body)
    {
        lock (asked) asked.Add(body);
        var prompt = body["messages"]![0]!["content"]!.GetValue<string>();
        var served = Path.Combine(zoo.Folder, $"{body["model"]}.json");
        var recipe = body["recipe"] ?? (File.Exists(served) ? JsonNode.Parse(File.ReadAllText(served)) : null);
        var weights = (recipe?["adapters"]?.AsArray() ?? []).ToDictionary(
            share => share!["name"]!.GetValue<string>(), share => share!["weight"]!.GetValue<double>());
        var quality = weights.GetValueOrDefault("good") - weights.GetValueOrDefault("bad");
        if (!ignoresRecipes && weights.Values.Any(weight => weight > 2)) return "###";
        var difficulty = prompt.Sum(letter => letter * 7) % 20 / 20.0;
        return !ignoresRecipes && difficulty < quality && completions.TryGetValue(prompt, out var completion) ? completion : "no idea";
    }

    private sealed class HouseClient(ChatProviderTests tests) : IChatClient
    {
        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            var body = new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject { ["content"] = messages.Single().Text }),
                ["recipe"] = ((JsonNode)options!.AdditionalProperties!["recipe"]!).DeepClone(),
            };
            return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, tests.Answer(body))));
        }

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var response = await GetResponseAsync(messages, options, cancellationToken);
            foreach (var update in response.ToChatResponseUpdates()) yield return update;
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
