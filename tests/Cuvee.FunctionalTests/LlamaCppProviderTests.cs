using System.Text.Json.Nodes;
using Cuvee.Data;
using Cuvee.Hosting;
using Cuvee.Hosting.Embedded;
using Cuvee.Hosting.LlamaCpp;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.LlamaCpp;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Tests.LlamaCpp;

namespace Cuvee.FunctionalTests;

/// <summary>Provider llama.cpp on the real server: some adapters of the shipped zoo, exported by the command line, against the embedded
/// engine.</summary>
[Trait("Lane", "llama.cpp")]
public sealed class LlamaCppProviderTests : IDisposable
{
    private const double Tolerance = 1e-3; // nats a token
    private const int Slots = 2;

    private static readonly string[] Names = ["classify-sst5", "classify-subj", "es-mit-movie"];
    // Of the quick start's pool: everyday requests, as the target's are.
    private static readonly string[] Everyday =
    [
        "es-dstc8-homes", "es-hwu64", "es-mit-movie", "es-mit-restaurant", "es-music-reco", "es-restaurant8k", "es-snips",
        "et-dstc8-homes", "et-hwu64", "et-mit-movie",
    ];

    private static readonly double[] KeepFractions = [1, 0.5];

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-provider-").FullName;

    private static string Root => Directory.GetParent(AppContext.BaseDirectory[..AppContext.BaseDirectory.IndexOf(
        $"{Path.DirectorySeparatorChar}artifacts{Path.DirectorySeparatorChar}", StringComparison.Ordinal)] +
            Path.DirectorySeparatorChar)!.FullName;

    private static string Base => Path.Combine(Root, "zoo", "base");

    private string Pool => Path.Combine(folder, "pool");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [LlamaServerTheory]
    [InlineData(12)]
    public async Task Score_ManyRecipes_AsTheEmbeddedEngineAndInItsOrder(int recipes)
    {
        await using var server = await StartAsync();
        var random = new SeededRandom(7);
        var records = Records(6);
        await using var embedded = Embedded();
        using var service = Service(server);
        await using var host = await HostAsync(service);
        var (own, served) = (new List<double>(), new List<double>());
        for (var i = 0; i < recipes; i++)
        {
            var recipe = new WeightedRecipe(MergeSpace.Delta, [.. Names.Select(name =>
                new AdapterShare(name, (2.4 * random.NextDouble()) - 1.2, KeepFractions[random.NextInt32(2)]))]);
            var (expected, actual) = (await ScoreAsync(embedded, recipe, records), await ScoreAsync(host, recipe, records));
            for (var r = 0; r < records.Count; r++)
            {
                Assert.Equal(expected[r].Tokens, actual[r].Tokens);
                for (var t = 0; t < expected[r].Tokens; t++)
                    Assert.Equal(expected[r].TokenLogProbabilities![t], actual[r].TokenLogProbabilities![t], 5 * Tolerance);
                Assert.Equal(expected[r].LogProbability, actual[r].LogProbability, Tolerance * expected[r].Tokens);
            }

            own.Add(expected.Sum(score => score.LogProbability));
            served.Add(actual.Sum(score => score.LogProbability));
        }

        Assert.True(RankCorrelation(own, served) >= 0.999, $"{RankCorrelation(own, served)}");
    }

    [LlamaServerTheory]
    [InlineData("café, crème brûlée")]
    [InlineData("日本 🍜 soup")]
    public async Task Score_TokensInsideCharacters_AsTheEmbeddedEngine(string completion)
    {
        await using var server = await StartAsync();
        await using var embedded = Embedded();
        using var service = Service(server);
        await using var host = await HostAsync(service);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(Names[0], 0.7)]);
        PromptCompletion[] records = [new("r", "List the dishes.", completion)];
        var (expected, actual) = ((await ScoreAsync(embedded, recipe, records))[0], (await ScoreAsync(host, recipe, records))[0]);
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(expected.LogProbability, actual.LogProbability, Tolerance * expected.Tokens);
    }

    [LlamaServerTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Probe_ServerWithItsCaches_FindsTheirLeakAndNoOther(bool caches)
    {
        await using var server = await StartAsync(caches);
        using var service = Service(server);
        var description = await LlamaCppDescription.ReadAsync(service, CancellationToken.None);
        Assert.Equal(Slots, description.Slots);
        var findings = await LlamaCppProbe.Of(service, description, Encoder()).RunAsync(CancellationToken.None);
        Assert.Null(findings.Refusal);
        Assert.All(findings.Effects, effect => Assert.True(effect > 0.01, string.Join(", ", findings.Effects)));
        Assert.Equal(caches, findings.Doubt is not null);
        Assert.True(findings.CacheLeak > LlamaCppFindings.Tolerance == caches, $"{findings.CacheLeak}");

        // What the probe did to the global scales is undone.
        var after = await LlamaCppDescription.ReadAsync(service, CancellationToken.None);
        Assert.Equal(description.Adapters, after.Adapters);
    }

    [LlamaServerTheory]
    [InlineData("fisher-probing", "budget: { queries: 500 }")]
    [InlineData("evo-merging", "settings: { population: 6, sample: 6 }\nbudget: { queries: 640 }")]
    public async Task Merge_ThroughTheServer_EndsAsTheEmbeddedRun(string search, string more)
    {
        await using var server = await StartAsync();
        await File.WriteAllLinesAsync(
            Path.Combine(folder, "validation.jsonl"),
            File.ReadLines(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(40));
        var own = await MergeAsync("embedded", $"model: {Base}", search, more);
        var through = await MergeAsync(
            "served", $"model: {{ provider: llama.cpp, url: \"{server.Url}\", tokenizer: {Base} }}", search, more);
        var (expected, actual) = (own["validation_loss"]!.GetValue<double>(), through["validation_loss"]!.GetValue<double>());
        Assert.InRange(actual, 0.99 * expected, 1.01 * expected);
        Assert.True(File.Exists(Path.Combine(folder, "served", "adapter_model.safetensors")));
        Assert.StartsWith("llama.cpp b", through["inputs"]!["server/build"]!.GetValue<string>(), StringComparison.Ordinal);

        // What was written from the local pool is what the server answered with.
        var scored = await RunAsync(
            "score", "--model", Base, "--adapter", Path.Combine(folder, "served"), "--data", Path.Combine(folder, "validation.jsonl"),
            "--json");
        Assert.Equal(actual, scored.Json[^1]["summary"]!["loss"]!.GetValue<double>(), 0.01 * actual); // bf16 in the files
    }

    /// <summary>
    /// The quick start's target, records, space, seed and search; its pool only as far as the server's time for every active adapter lets
    /// the lane afford.
    /// </summary>
    [LlamaServerTheory]
    [InlineData(1500)]
    public async Task Merge_QuickStartThroughTheServer_EndsAsTheEmbeddedRunAndServesItsResult(int queries)
    {
        await using (var server = await StartAsync(Everyday, keepFraction: null))
        {
            File.Copy(Sample("validation.jsonl"), Path.Combine(folder, "validation.jsonl"));
            var more = $"space: delta\nseed: 42\nbudget: {{ queries: {queries} }}";
            var own = await MergeAsync("embedded", $"model: {Base}", "fisher-probing", more);
            var through = await MergeAsync(
                "served", $"model: {{ provider: llama.cpp, url: \"{server.Url}\", tokenizer: {Base} }}", "fisher-probing", more);
            var expected = own["validation_loss"]!.GetValue<double>();
            Assert.InRange(through["validation_loss"]!.GetValue<double>(), 0.99 * expected, 1.01 * expected);
            Assert.True(expected < own["start_loss"]!.GetValue<double>());
        }

        var (ownF1, servedF1) = (await EvaluateAsync("embedded"), await EvaluateAsync("served"));
        var interval = ownF1["interval"]!.AsArray().Select(bound => bound!.GetValue<double>()).ToList();
        Assert.InRange(servedF1["f1"]!.GetValue<double>(), interval[0], interval[1]);
        await ResultAnswersAsTheEmbeddedOneAsync("served", records: 12);
    }

    [LlamaServerTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ProvidersCheck_Address_TellsWhatIsThere(bool caches)
    {
        await using var server = await StartAsync(caches);
        var run = await RunAsync("providers", "check", server.Url.ToString(), "--json");
        Assert.Equal("llama.cpp", run.Result["kind"]!.GetValue<string>());
        Assert.Equal(6, run.Result["facts"]!["adapters"]!.GetValue<string>().Split(", ").Length);
        Assert.Equal(caches, run.Result["doubt"]?.GetValue<string>().Contains("--cache-ram 0", StringComparison.Ordinal) == true);

        var file = Path.Combine(folder, "run.yaml");
        await File.WriteAllTextAsync(file, $$"""
            model: { provider: llama.cpp, url: "{{server.Url}}", tokenizer: {{Base}} }
            pool: { names: [classify-subj, es-mit-movie] }
            validation: {{Path.Combine(Root, "samples", "restaurant", "validation.jsonl")}}
            search: cma-es
            budget: { queries: 2000 }
            out: out
            """);
        run = await RunAsync("providers", "check", file);
        Assert.Contains("at most 2,000 queries", run.Output, StringComparison.Ordinal);
        Assert.Contains("one adapter after another", run.Output, StringComparison.Ordinal);
    }

    [LlamaServerTheory]
    [InlineData(0.5)]
    public async Task Merge_ServerKilledMidRun_EndsAsIfItHadNotBeen(double part)
    {
        await using var server = await StartAsync();
        await File.WriteAllLinesAsync(
            Path.Combine(folder, "validation.jsonl"),
            File.ReadLines(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(40));
        var model = $"model: {{ provider: llama.cpp, url: \"{server.Url}\", tokenizer: {Base} }}";
        var expected = await MergeAsync("undisturbed", model, "fisher-probing", "budget: { queries: 500 }");
        var run = MergeAsync("disturbed", model, "fisher-probing", "budget: { queries: 500 }");
        while (!run.IsCompleted && (!Journal("disturbed").Exists || Journal("disturbed").Length < part * Journal("undisturbed").Length))
            await Task.Delay(20);
        Assert.False(run.IsCompleted);
        await server.RestartAsync();
        var actual = await run;
        Assert.Equal(expected["validation_loss"]!.GetValue<double>(), actual["validation_loss"]!.GetValue<double>(), 1e-3);
        Assert.Equal(expected["queries"]!.GetValue<int>(), actual["queries"]!.GetValue<int>());
        Assert.Equal(Answers("undisturbed"), Answers("disturbed"));
    }

    private async Task<JsonNode> EvaluateAsync(string output) => (await RunAsync(
        "evaluate", "--model", Base, "--adapter", Path.Combine(folder, output), "--data", Sample("test.jsonl"), "--metric", "ie-f1",
        "--json")).Result;

    /// <summary>The merged adapter as a GGUF file: the server's greedy answers and their log-probabilities are the engine's.</summary>
    private async Task ResultAnswersAsTheEmbeddedOneAsync(string output, int records)
    {
        var recipe = Path.Combine(folder, output, "recipe.json");
        var merged = Path.Combine(folder, "merged");
        await RunAsync("apply", "--pool", Pool, "--recipe", recipe, "--format", "gguf", "--model", Base, "--out", merged);
        await using var server = await LlamaServer.StartAsync(
            Path.Combine(folder, "base.gguf"), Path.Combine(merged, "adapter.gguf"), Slots);
        using var service = Service(server);
        var description = await LlamaCppDescription.ReadAsync(service, CancellationToken.None);
        var encoder = Encoder();
        await using var host = new LlamaCppAdapterHost(
            service, new RecordTokens(encoder, description.ContextLength), new ServedAdapters(["adapter.gguf"]), ["adapter"],
            description.Vocabulary);
        await using var served = await host.RealizeAsync(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter", 1)]), CancellationToken.None);
        await using var embedded = Embedded();
        await using var own = await embedded.RealizeAsync(RecipeJson.Read(recipe), CancellationToken.None);

        IReadOnlyList<PromptCompletion> asked = [.. RecordFile.Read(Sample("test.jsonl")).Take(records)];
        var options = new GenerationOptions { MaxTokens = 96 };
        IReadOnlyList<string> prompts = [.. asked.Select(record => record.Prompt)];
        var (expected, actual) = (
            await own.Model.GenerateAsync(prompts, options, CancellationToken.None),
            await served.Model.GenerateAsync(prompts, options, CancellationToken.None));
        // The file rounds to 16 bits, which can tip a token that is nearly as probable as another.
        var same = expected.Zip(actual).Count(pair => pair.First.Text == pair.Second.Text);
        Assert.True(same >= records - 1, $"{same} of {records} answers are the same");
        var (ownScores, servedScores) = (
            await own.Model.ScoreAsync(asked, CancellationToken.None), await served.Model.ScoreAsync(asked, CancellationToken.None));
        var tokens = ownScores.Sum(score => score.Tokens);
        Assert.Equal(
            ownScores.Sum(score => score.LogProbability) / tokens, servedScores.Sum(score => score.LogProbability) / tokens, 0.01);
    }

    private static string Sample(string name) => Path.Combine(Root, "samples", "restaurant", name);

    private FileInfo Journal(string output) => new(Path.Combine(folder, output, "observations.jsonl"));

    private int Answers(string output) => File.ReadLines(Journal(output).FullName)
        .Count(line => line.Contains("\"record\"", StringComparison.Ordinal));

    private async Task<JsonNode> MergeAsync(string output, string model, string search, string more)
    {
        var file = Path.Combine(folder, output + ".yaml");
        await File.WriteAllTextAsync(
            file, $"{model}\npool: {{ path: pool }}\nvalidation: validation.jsonl\nsearch: {search}\nout: {output}\n{more}\n");
        await RunAsync("merge", file, "--json");
        return JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, output, "merge_manifest.json")))!;
    }

    private Task<LlamaServer> StartAsync(bool caches = false) => StartAsync(Names, "0.5", caches);

    /// <param name="keepFraction">Of the pruned forms beside the whole ones; null: none.</param>
    private async Task<LlamaServer> StartAsync(IReadOnlyList<string> names, string? keepFraction, bool caches = false)
    {
        foreach (var name in names)
        {
            var target = Directory.CreateDirectory(Path.Combine(Pool, name)).FullName;
            foreach (var path in Directory.GetFiles(Path.Combine(Root, "zoo", "adapters", name)))
                File.Copy(path, Path.Combine(target, Path.GetFileName(path)));
        }

        var (model, served) = (Path.Combine(folder, "base.gguf"), Path.Combine(folder, "served-pool"));
        await RunAsync("export", "--model", Base, "--out", model);
        string[] pruned = keepFraction is null ? [] : ["--keep-fraction", keepFraction];
        await RunAsync(["export", "--model", Base, "--pool", Pool, "--out", served, .. pruned]);
        return await LlamaServer.StartAsync(model, string.Join(',', Directory.GetFiles(served).Order()), Slots, caches);
    }

    private static JsonService Service(LlamaServer server) =>
        new(new JsonServiceSettings(server.Url) { Slots = Slots }, TimeProvider.System, () => 0.5);

    private static async Task<LlamaCppAdapterHost> HostAsync(JsonService service)
    {
        var description = await LlamaCppDescription.ReadAsync(service, CancellationToken.None);
        return new LlamaCppAdapterHost(
            service, new RecordTokens(Encoder(), description.ContextLength),
            new ServedAdapters([.. description.Adapters.Select(adapter => adapter.Path)]), Names, description.Vocabulary);
    }

    private static TextEncoder Encoder()
    {
        var model = ModelFolder.Open(Base);
        return new TextEncoder(model.Tokenizer, model.Config, TextRules.Plain);
    }

    private EmbeddedAdapterHost Embedded() => new(EmbeddedModel.Load(Base), new RecipeMerger(AdapterPool.Load(Pool)));

    private static IReadOnlyList<PromptCompletion> Records(int count) =>
        [.. RecordFile.Read(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(count)];

    private static async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IAdapterHost host, MergeRecipe recipe, IReadOnlyList<PromptCompletion> records)
    {
        await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
        return await lease.Model.ScoreAsync(records, CancellationToken.None);
    }

    /// <summary>Spearman's; no two values are equal.</summary>
    private static double RankCorrelation(List<double> left, List<double> right)
    {
        static double[] Ranks(List<double> values) => [.. values.Select(value => (double)values.Count(other => other < value))];
        var squares = Ranks(left).Zip(Ranks(right), (a, b) => (a - b) * (a - b)).Sum();
        return 1 - (6 * squares / (left.Count * ((left.Count * (double)left.Count) - 1)));
    }

    private static async Task<CuveeRun> RunAsync(params string[] arguments)
    {
        var run = await CuveeRun.InProcessAsync(arguments);
        Assert.True(run.Code == 0, run.Error);
        return run;
    }
}
