using Cuvee.Data;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Tests.LlamaCpp;

namespace Cuvee.FunctionalTests;

/// <summary>The shipped zoo, exported by the command line, in the real llama.cpp: its answers' log-probabilities are the embedded
/// engine's.</summary>
[Trait("Lane", "llama.cpp")]
public sealed class LlamaServerTests : IDisposable
{
    private const double Tolerance = 1e-3; // nats a token
    private const int Records = 6;

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-lane-").FullName;

    private static string Root => Directory.GetParent(AppContext.BaseDirectory[..AppContext.BaseDirectory.IndexOf(
        $"{Path.DirectorySeparatorChar}artifacts{Path.DirectorySeparatorChar}", StringComparison.Ordinal)] +
            Path.DirectorySeparatorChar)!.FullName;

    private static string Base => Path.Combine(Root, "zoo", "base");

    private static string Pool => Path.Combine(Root, "zoo", "adapters");

    /// <param name="recipe">One adapter as it is, or a merge in either space with negative weights and pruning.</param>
    [LlamaServerTheory]
    [InlineData("""{"space": "delta", "adapters": [{"name": "es-mit-movie", "weight": 1}]}""")]
    [InlineData("""
        {"space": "delta", "adapters": [{"name": "es-mit-movie", "weight": 0.9, "keep_fraction": 0.6},
         {"name": "classify-subj", "weight": -0.4}, {"name": "classify-sst5", "weight": 0.3}]}
        """)]
    [InlineData("""{"space":"factors","adapters":[{"name":"es-mit-movie","weight":0.8},{"name":"classify-subj","weight":-0.5}]}""")]
    public async Task Score_ExportedBaseAndAdapter_AsTheEmbeddedEngine(string recipe)
    {
        var (model, lora, recipeFile) = (Path.Combine(folder, "base.gguf"), Path.Combine(folder, "lora"),
            Path.Combine(folder, "recipe.json"));
        await File.WriteAllTextAsync(recipeFile, recipe);
        await RunAsync("export", "--model", Base, "--out", model);
        await RunAsync("apply", "--pool", Pool, "--recipe", recipeFile, "--out", lora, "--format", "gguf", "--model", Base);
        await using var server = await LlamaServer.StartAsync(model, Path.Combine(lora, "adapter.gguf"));
        var data = Path.Combine(folder, "data.jsonl");
        await File.WriteAllLinesAsync(data, File.ReadLines(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(Records));
        var tokenizer = ModelFolder.Open(Base).Tokenizer;
        foreach (var (scale, selection) in ((double, string[])[])[(0, []), (1, ["--pool", Pool, "--recipe", recipeFile])])
        {
            await AssertScoresAsync(
                await RunAsync(["score", "--model", Base, .. selection, "--data", data, "--json"]), server, scale, tokenizer, data,
                Tolerance);
        }
    }

    /// <summary>A path with a layer left out, one that comes twice and scales of both signs is an ordinary model to llama.cpp.</summary>
    [LlamaServerTheory]
    [InlineData("""{"layer":0},{"layer":1,"scale":0.9},{"layer":2,"scale":-1.1},{"layer":2},{"layer":4,"scale":0.95},{"layer":5}""")]
    [InlineData("""{"layer":0},{"layer":1},{"layer":2},{"layer":3},{"layer":2},{"layer":3,"scale":-0.8},{"layer":4},{"layer":5}""")]
    public async Task Score_FoldedPath_AsTheEmbeddedEngineAndAsThePathItself(string steps)
    {
        var (path, folded, model, data) = (Path.Combine(folder, "path.json"), Path.Combine(folder, "folded"),
            Path.Combine(folder, "folded.gguf"), Path.Combine(folder, "data.jsonl"));
        await File.WriteAllTextAsync(path, $$"""{"models": ["{{Base}}"], "path": [{{steps}}]}""");
        var fold = await RunAsync("fold", path, "--out", folded, "--json");
        Assert.InRange(fold.Result["largest_difference"]!.GetValue<double>(), 0, Tolerance);
        await RunAsync("export", "--model", folded, "--out", model);
        await File.WriteAllLinesAsync(data, File.ReadLines(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(Records));
        await using var server = await LlamaServer.StartAsync(model);
        await AssertScoresAsync(
            await RunAsync("score", "--model", folded, "--data", data, "--json"), server, null, ModelFolder.Open(folded).Tokenizer, data,
            Tolerance);
    }

    [LlamaServerTheory]
    [InlineData("f16", 0.02)]
    [InlineData("q8_0", 0.02)]
    public async Task Score_SmallerTypes_AsTheEmbeddedEngineOnTheSameFile(string dtype, double tolerance)
    {
        var (model, data) = (Path.Combine(folder, "base.gguf"), Path.Combine(folder, "data.jsonl"));
        await RunAsync("export", "--model", Base, "--out", model, "--dtype", dtype);
        await File.WriteAllLinesAsync(data, File.ReadLines(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")).Take(Records));
        await using var server = await LlamaServer.StartAsync(model);
        // llama.cpp rounds activations, too: to Q8_0 where weights are, to fp16 where they are that.
        await AssertScoresAsync(
            await RunAsync("score", "--model", model, "--data", data, "--json"), server, null, ModelFolder.Open(model).Tokenizer, data,
            tolerance);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <param name="tolerance">Nats a token.</param>
    private static async Task AssertScoresAsync(
        CuveeRun scored, LlamaServer server, double? scale, Tokenizer tokenizer, string data, double tolerance)
    {
        var records = RecordFile.Read(data);
        for (var i = 0; i < records.Count; i++)
        {
            var (each, end) = await server.ScoreAsync(
                tokenizer.EncodePrompt(records[i].Prompt), tokenizer.EncodeContinuation(records[i].Completion), scale);
            Assert.Equal(scored.Json[i]["tokens"]!.GetValue<int>(), each.Length + 1);
            Assert.Equal(scored.Json[i]["logprob"]!.GetValue<double>(), each.Sum() + end, tolerance * (each.Length + 1));
        }
    }

    private static async Task<CuveeRun> RunAsync(params string[] arguments)
    {
        var run = await CuveeRun.InProcessAsync(arguments);
        Assert.True(run.Code == 0, run.Error);
        return run;
    }
}
