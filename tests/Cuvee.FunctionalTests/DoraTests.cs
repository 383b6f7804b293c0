using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;

namespace Cuvee.FunctionalTests;

/// <summary>A pool with a DoRA adapter: served, merged and folded; what its merge cannot be is refused before a query.</summary>
public sealed class DoraTests : IDisposable
{
    private readonly TinyZoo zoo = new();

    public DoraTests()
    {
        File.WriteAllText(
            Recipe, """{"space":"delta","adapters":[{"name":"adapter-a","weight":0.8},{"name":"adapter-b","weight":-0.4}]}""");
        Magnify(Path.Combine(zoo.PoolFolder, "adapter-a"));
    }

    private string Recipe => Path.Combine(zoo.Folder, "recipe.json");

    private string Data => Path.Combine(zoo.Folder, "validation.jsonl");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Apply_Folded_ScoresLikeTheRecipe(bool ofTheTiedHead)
    {
        if (ofTheTiedHead)
        {
            var (hidden, vocabulary) = (zoo.Config.HiddenSize, zoo.Config.VocabSize);
            float[] Waves(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
            var head = new LoraModule("lm_head", hidden, vocabulary, 2, Waves(2 * hidden), Waves(vocabulary * 2), 1);
            zoo.WriteAdapter("adapter-a", 2, [head]);
            Magnify(Path.Combine(zoo.PoolFolder, "adapter-a"));
        }

        var folded = Path.Combine(zoo.Folder, "folded");
        var run = await CuveeRun.InProcessAsync([.. Apply(folded), "--format", "folded", "--model", zoo.ModelFolder]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var served = await ScoreAsync(zoo.ModelFolder, "--pool", zoo.PoolFolder, "--recipe", Recipe);
        ZooFixture.AssertEqual(served, await ScoreAsync(folded));
        var original = await ScoreAsync(zoo.ModelFolder);
        Assert.All(original.Zip(served), pair => Assert.True(Math.Abs(pair.First - pair.Second) > 0.01, $"{pair.First} and {pair.Second}"));
    }

    [Theory]
    [InlineData(false, "give --model")]
    [InlineData(true, "format folded")]
    public async Task Apply_Peft_NamesTheWayOut(bool withModel, string named)
    {
        var run = await CuveeRun.InProcessAsync(
            [.. Apply(Path.Combine(zoo.Folder, "merged")), .. withModel ? (string[])["--model", zoo.ModelFolder] : []]);
        Assert.Equal(2, run.Code);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
        Assert.Contains("DoRA", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 2, "output: {format: folded}")]
    [InlineData("space: factors", 2, "space: delta")]
    [InlineData("output: { format: folded }", 0, "")]
    public async Task Merge_Pool_WritesAFoldedCheckpointOnly(string more, int code, string named)
    {
        var file = Path.Combine(zoo.Folder, "run.yaml");
        await File.WriteAllTextAsync(file, $$"""
            model: {{zoo.ModelFolder}}
            pool: { path: {{zoo.PoolFolder}} }
            validation: {{Data}}
            search: random
            budget: { queries: 200 }
            seed: 1
            out: {{Path.Combine(zoo.Folder, "out")}}
            {{more}}
            """);
        var run = await CuveeRun.InProcessAsync("merge", file);
        Assert.Equal(code, run.Code);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
        Assert.Equal(code == 0, File.Exists(Path.Combine(zoo.Folder, "out", "checkpoint", "model.safetensors")));
    }

    public void Dispose() => zoo.Dispose();

    private string[] Apply(string output) => ["apply", "--pool", zoo.PoolFolder, "--recipe", Recipe, "--out", output];

    private async Task<double[]> ScoreAsync(string model, params string[] selection)
    {
        var run = await CuveeRun.InProcessAsync(["score", "--model", model, .. selection, "--data", Data, "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return [.. run.Json.SkipLast(1).Select(line => line["logprob"]!.GetValue<double>())];
    }

    /// <summary>Makes a plain adapter one of DoRA, as PEFT saves it.</summary>
    private static void Magnify(string adapter)
    {
        var path = Path.Combine(adapter, "adapter_model.safetensors");
        List<TensorData> tensors;
        using (var reader = SafetensorsReader.Open(path))
            tensors = [.. reader.Entries.Values.Select(entry => new TensorData(entry.Name, entry.Shape, reader.ReadSingles(entry.Name)))];
        foreach (var b in tensors.Where(tensor => tensor.Name.EndsWith(".lora_B.weight", StringComparison.Ordinal)).ToList())
        {
            var rows = b.Shape[0];
            tensors.Add(new TensorData(
                b.Name.Replace(".lora_B.weight", ".lora_magnitude_vector"), [rows],
                    [.. Enumerable.Range(0, rows).Select(row => 0.4f + (row % 3 * 0.2f))]));
        }

        SafetensorsWriter.Write(path, tensors, TensorType.F32);
        var config = Path.Combine(adapter, "adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"use_dora\": false", "\"use_dora\": true"));
    }
}
