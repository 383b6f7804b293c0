using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Server.Engine;
using Cuvee.Server.Keys;
using Cuvee.Server.Sessions;

namespace Cuvee.Server.Tests;

/// <summary>The routes of Evo-Merging's own service, by the requests of its demo.</summary>
public sealed class SessionRouteTests : IDisposable
{
    private const string Open = """{"preset_id": "mit_movie"}""";

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-sessions-").FullName;
    private readonly TinyZoo zoo = new(); // the service has its own of the same bytes

    private string Work => Path.Combine(folder, "work");

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        zoo.Dispose();
    }

    [Fact]
    public async Task Demo_LiteralRequests_LossOfTheEngine()
    {
        await using var service = await StartAsync();
        var presets = await service.GetAsync("/v1/presets");
        Assert.Equal("mit_movie", presets["items"]![0]!["preset_id"]!.GetValue<string>());
        var session = await service.AskAsync("/v1/sessions", Open);
        var id = session["session_id"]!.GetValue<string>();
        Assert.Equal(
            $$$"""
            {"session_id":"{{{id}}}","preset_id":"mit_movie","workdir":"{{{id}}}","model_name_or_path":"base","query_plus":{"dataset":"mit_movie","dataset_dir":"data/Userdata","template":"default","cutoff_len":2048,"max_samples":null,"batch_size":15,"evaluation_batches":20,"temperature":0.95,"top_p":0.7,"top_k":50,"max_new_tokens":1024,"repetition_penalty":1},"adapter_count":3}
            """,
            session.ToJsonString());
        Assert.Equal(session.ToJsonString(), (await service.GetAsync($"/v1/sessions/{id}")).ToJsonString());

        const string uniform = """
            {"alpha": [1.0, 1.0, 1.0], "beta": [0.3333333333333333, 0.3333333333333333, 0.3333333333333333], "tag": "uniform-baseline"}
            """;
        var evaluated = await service.AskAsync($"/v1/sessions/{id}/evaluate", uniform);
        Assert.Equal($"{id}/adapters/uniform-baseline", evaluated["adapter_dir"]!.GetValue<string>());
        using var direct = service.Direct("""
            {"space": "factors", "adapters": [{"name": "adapter-a", "weight": 0.3333333333333333},
             {"name": "adapter-b", "weight": 0.3333333333333333}, {"name": "adapter-c", "weight": 0.3333333333333333}]}
            """);
        var expected = MeanLoss.Of(await direct.ScoreAsync(Validation, CancellationToken.None));
        Assert.Equal(expected, evaluated["loss"]!.GetValue<double>(), 1e-12);
    }

    [Fact]
    public async Task Materialize_Candidate_WritesTheAdapterThatWasAskedFor()
    {
        await using var service = await StartAsync();
        var id = await OpenAsync(service);
        var answer = await service.AskAsync(
            $"/v1/sessions/{id}/materialize", """{"alpha":[0.5,1,0],"beta":[0.8,-0.4,1.2],"tag":"manual"}""");
        Assert.Equal($"{id}/adapters/manual", answer["adapter_dir"]!.GetValue<string>());
        Assert.Equal(id, answer["session"]!["session_id"]!.GetValue<string>());
        var written = Path.Combine(Work, id, "adapters", "manual");
        Assert.Equal(
            ["adapter_config.json", "adapter_model.safetensors", "merge_manifest.json"],
            Directory.GetFiles(written).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(written, "merge_manifest.json")))!;
        Assert.Equal("[0.5,1,0] [0.8,-0.4,1.2]", $"{manifest["alpha"]!.ToJsonString()} {manifest["beta"]!.ToJsonString()}");

        // The files answer as the recipe does.
        using var direct = service.Direct();
        using var recipe = service.Direct("""
            {"space": "factors", "adapters": [{"name": "adapter-a", "weight": 0.8, "keep_fraction": 0.5},
             {"name": "adapter-b", "weight": -0.4}, {"name": "adapter-c", "weight": 1.2, "keep_fraction": 0}]}
            """);
        var adapted = Hosting.Embedded.AdaptedModel.Create(direct, PeftReader.Read(written));
        Assert.Equal(
            MeanLoss.Of(await recipe.ScoreAsync(Validation, CancellationToken.None)),
            MeanLoss.Of(await adapted.ScoreAsync(Validation, CancellationToken.None)), 1e-4);
    }

    [Fact]
    public async Task Optimize_Session_IsTheEmbeddedRunOfThePaperPreset()
    {
        await using var service = await StartAsync();
        var id = await OpenAsync(service);
        const string question = """{"query_plus": {"batch_size": 2, "evaluation_batches": 2, "max_samples": 12}}""";
        var answer = await service.AskAsync($"/v1/sessions/{id}/optimize", question);

        Data.RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), Validation.Take(12));
        var plans = RunPlanner.Plan(zoo.Configure("search: evo-merging\npreset: paper\nfallback: none\nsettings: { sample: 4 }"));
        var result = (await new MergeRun(TimeProvider.System, new Quiet()).ExecuteAsync(plans, CancellationToken.None)).Results[0];
        var recipe = (WeightedRecipe)result.Recipe;
        double[] Numbers(string key) => [.. answer[key]!.AsArray().Select(value => value!.GetValue<double>())];
        Assert.Equal(recipe.Adapters.Select(share => share.KeepFraction), Numbers("best_alpha"));
        Assert.Equal(recipe.Adapters.Select(share => share.Weight), Numbers("best_beta"));
        Assert.Equal(result.ValidationLoss, answer["best_loss"]!.GetValue<double>());
        Assert.Equal(20 * result.Stages[0].Iterations, answer["stage1_evaluations"]!.GetValue<int>());
        Assert.Equal(20 * result.Stages[1].Iterations, answer["stage2_evaluations"]!.GetValue<int>());
        Assert.True(File.Exists(Path.Combine(Work, answer["best_adapter_dir"]!.GetValue<string>(), "adapter_model.safetensors")));
        Assert.True(File.Exists(Path.Combine(Work, answer["checkpoint_dir"]!.GetValue<string>(), "run", "recipe.json")));

        // Asked again: the same answer, from the journal.
        Assert.Equal(answer.ToJsonString(), (await service.AskAsync($"/v1/sessions/{id}/optimize", question)).ToJsonString());
    }

    [Fact]
    public async Task Optimize_OverItsTime_SaysSoAndKeepsItsJournal()
    {
        await using var service = await StartAsync(options => options with { SearchTime = TimeSpan.FromMilliseconds(300) });
        var id = await OpenAsync(service);
        using var response = await service.PostAsync($"/v1/sessions/{id}/optimize", "{}");
        Assert.Equal(504, (int)response.StatusCode);
        Assert.Contains("the search goes on", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(Work, id), "run.yaml", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Path.Combine(Work, id), "run.json", SearchOption.AllDirectories)));

        // The session's turn is free again.
        await service.AskAsync($"/v1/sessions/{id}/evaluate", """{"alpha":[1,1,1],"beta":[0,0,0],"tag":"after"}""");
    }

    [Fact]
    public async Task Session_FullOfAdapters_RefusesBeforeItScoresAndWritesASearchsBest()
    {
        await using var service = await StartAsync();
        var id = await OpenAsync(service);
        await service.AskAsync($"/v1/sessions/{id}/materialize", Uniform(1));
        for (var i = 1; i < Session.MostAdapters; i++) Directory.CreateDirectory(Path.Combine(Work, id, "adapters", $"{i}"));
        using var refused = await service.PostAsync(
            $"/v1/sessions/{id}/evaluate", Uniform(1).Replace("manual", "new", StringComparison.Ordinal));
        Assert.Equal(400, (int)refused.StatusCode);
        Assert.Contains("holds 100 adapters already; use a tag again", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, service.Part<EngineScheduler>().Arrived);
        await service.AskAsync($"/v1/sessions/{id}/evaluate", Uniform(1));
        var best = await service.AskAsync(
            $"/v1/sessions/{id}/optimize", """{"query_plus": {"batch_size": 1, "evaluation_batches": 1, "max_samples": 4}}""");
        Assert.True(File.Exists(Path.Combine(Work, best["best_adapter_dir"]!.GetValue<string>(), "adapter_model.safetensors")));
    }

    [Fact]
    public async Task Sessions_OfAnotherKey_AreUnknown()
    {
        var keys = Path.Combine(folder, "keys.json");
        var (alice, bob) = (KeyFile.Create(keys, "alice"), KeyFile.Create(keys, "bob"));
        await using var service = await StartAsync(options => options with { KeysFile = keys });
        using var opened = await service.PostAsync("/v1/sessions", Open, alice);
        var id = JsonNode.Parse(await opened.Content.ReadAsStringAsync())!["session_id"]!.GetValue<string>();
        string[] routes = ["materialize", "evaluate", "optimize"];
        foreach (var route in routes)
        {
            using var refused = await service.PostAsync($"/v1/sessions/{id}/{route}", Uniform(1), bob);
            Assert.Equal(404, (int)refused.StatusCode);
            Assert.Equal("""{"detail":"Unknown session."}""", await refused.Content.ReadAsStringAsync());
        }

        Assert.Equal(404, (await service.SendAsync(HttpMethod.Get, $"/v1/sessions/{id}", bob)).Status);
        Assert.Equal(404, (await service.SendAsync(HttpMethod.Delete, $"/v1/sessions/{id}", bob)).Status);
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, $"/v1/sessions/{id}", alice)).Status);
    }

    [Fact]
    public async Task Sessions_MoreThanAKeyMayOpen_ComeBackLaterOrCloseOne()
    {
        await using var service = await StartAsync(options => options with { MaxSessions = 2 });
        var first = await OpenAsync(service);
        await OpenAsync(service);
        using var refused = await service.PostAsync("/v1/sessions", Open);
        Assert.Equal(429, (int)refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        await service.AskAsync($"/v1/sessions/{first}/materialize", Uniform(1));
        Assert.True(Directory.Exists(Path.Combine(Work, first)));
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Delete, $"/v1/sessions/{first}")).Status);
        Assert.False(Directory.Exists(Path.Combine(Work, first)));
        Assert.NotEqual(first, await OpenAsync(service));
    }

    [Fact]
    public async Task Sessions_LeftAlone_AreClosed()
    {
        await using var service = await StartAsync(options => options with { MaxSessions = 1, SessionIdle = TimeSpan.Zero });
        var first = await OpenAsync(service);
        await Task.Delay(5);
        await OpenAsync(service);
        Assert.Equal(404, (await service.SendAsync(HttpMethod.Get, $"/v1/sessions/{first}")).Status);
    }

    [Theory]
    [InlineData("materialize", """{"alpha":[1,1],"beta":[1,1,1]}""", 400, "has 2 numbers; the session has 3 adapters")]
    [InlineData("materialize", """{"alpha":[1,1,2],"beta":[1,1,1]}""", 400, "a keep fraction above 1")]
    [InlineData("evaluate", """{"alpha":[1,1,-1],"beta":[1,1,1]}""", 400, "not a finite number from 0")]
    [InlineData("materialize", """{"alpha":[1,1,1],"beta":[1,1,1],"tag":"../../pool"}""", 400, "letters, digits")]
    [InlineData("materialize", """{"alpha":[1,1,1],"beta":[1,1,1],"tag":".."}""", 400, "letters, digits")]
    [InlineData("materialize", """{"alpha":[1,1,1],"beta":[1,1,1],"tag":"/etc/passwd"}""", 400, "letters, digits")]
    [InlineData("optimize", """{"query_plus":{"dataset":"../model/config"}}""", 404, "There is no data set")]
    [InlineData("optimize", """{"query_plus":{"dataset_dir":"/etc"}}""", 400, "leave it out")]
    [InlineData("optimize", """{"query_plus":{"cutoff_len":3}}""", 400, "shorten or remove it")]
    [InlineData("optimize", """{"query_plus":{"template":"nothing"}}""", 400, "no template")]
    [InlineData("optimize", """{"query_plus":{"population":3}}""", 400, "unknown key 'population'")]
    public async Task Session_BadRequest_OneSentenceWithoutAPath(string route, string body, int status, string sentence)
    {
        await using var service = await StartAsync();
        using var response = await service.PostAsync($"/v1/sessions/{await OpenAsync(service)}/{route}", body);
        var detail = JsonNode.Parse(await response.Content.ReadAsStringAsync())!["detail"]!.GetValue<string>();
        Assert.True(status == (int)response.StatusCode, detail);
        Assert.Contains(sentence, detail, StringComparison.Ordinal);
        Assert.DoesNotContain(folder, detail, StringComparison.Ordinal);
        Assert.DoesNotContain(service.Folder, detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/sessions/..%2F..%2Fpool/evaluate")]
    [InlineData("/v1/sessions/%2e%2e/materialize")]
    [InlineData("/v1/sessions/00000000000000000000000000000000/optimize")]
    public async Task Session_PathTricks_Unknown(string path)
    {
        await using var service = await StartAsync();
        using var response = await service.PostAsync(path, Uniform(1));
        Assert.Equal(404, (int)response.StatusCode);
        Assert.DoesNotContain(service.Folder, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Work));
    }

    private IReadOnlyList<PromptCompletion> Validation => Data.RecordFile.Read(Path.Combine(folder, "data", "mit_movie.jsonl"));

    private async Task<Service> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        File.Copy(Path.Combine(zoo.Folder, "validation.jsonl"), Path.Combine(folder, "data", "mit_movie.jsonl"));
        return await Service.StartAsync(options =>
        {
            options = options with { DataFolder = Path.Combine(folder, "data"), WorkFolder = Work };
            return change?.Invoke(options) ?? options;
        });
    }

    private static async Task<string> OpenAsync(Service service) =>
        (await service.AskAsync("/v1/sessions", Open))["session_id"]!.GetValue<string>();

    private static string Uniform(double weight) => $$"""{"alpha":[1,1,1],"beta":[{{weight}},{{weight}},{{weight}}],"tag":"manual"}""";
}
