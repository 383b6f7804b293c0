using Cuvee.Formats.Gguf;
using Cuvee.Numerics;

namespace Cuvee.FunctionalTests;

/// <summary>Models and adapters as GGUF files are the same models: exported, served, merged, folded back.</summary>
public sealed class GgufTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Theory]
    [InlineData("f32", 1e-4)]
    [InlineData("bf16", 0.05)]
    [InlineData("f16", 0.01)]
    [InlineData("q8_0", 0.05)]
    public async Task Export_ThenScore_AnswersAsTheFolder(string dtype, double tolerance)
    {
        var file = await ExportAsync(dtype);
        var (expected, actual) = (await zoo.ScoreAsync(zoo.Model), await zoo.ScoreAsync(file));
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance * Math.Max(1, Math.Abs(expected[i])));
    }

    [Fact]
    public async Task Generate_GgufModelWithAdapter_ContinuesAsTheFolder()
    {
        var file = await ExportAsync("f32");
        async Task<string> Generate(string model) =>
            (await CuveeRun.InProcessAsync("generate", "--model", model, "--adapter", Path.Combine(zoo.Pool, "adapter-b"), "--prompt",
                "red")).Output;
        Assert.Equal(await Generate(zoo.Model), await Generate(file));
    }

    [Fact]
    public async Task Apply_Gguf_AdapterInAPoolAnswersAsTheRecipe()
    {
        var pool = zoo.NewPath();
        var output = Path.Combine(pool, "merged");
        var run = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", output, "--format", "gguf", "--model", zoo.Model,
                "--json");
        Assert.Equal("gguf", run.Result["format"]!.GetValue<string>());
        Assert.Equal(["adapter.gguf"], Directory.GetFiles(output).Select(Path.GetFileName));

        var served = await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"));
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(zoo.Model, "--adapter", output));
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(zoo.Model, "--adapter", Path.Combine(output, "adapter.gguf")));
        var recipe = zoo.NewPath() + ".json";
        await File.WriteAllTextAsync(recipe, """{"space": "delta", "adapters": [{"name": "merged", "weight": 1}]}""");
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(zoo.Model, "--pool", pool, "--recipe", recipe));

        var inspected = await CuveeRun.InProcessAsync("inspect", pool, "--model", zoo.Model, "--json");
        Assert.Equal("merged", inspected.Result["adapters"]![0]!["name"]!.GetValue<string>());
        var unknown = await CuveeRun.InProcessAsync("inspect", pool);
        Assert.Equal(2, unknown.Code);
        Assert.Contains("give --model", unknown.Error, StringComparison.Ordinal);
    }

    /// <summary>Readers would go on taking the former one, or refuse the folder.</summary>
    [Fact]
    public async Task Apply_ForceInAnotherFormat_LeavesTheNewAdapterAlone()
    {
        var output = zoo.NewPath();
        async Task<string[]> FilesAfter(string format)
        {
            var run = await CuveeRun.InProcessAsync(
                "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", output, "--format", format, "--model", zoo.Model,
                "--force");
            Assert.Equal(0, run.Code);
            return [.. Directory.GetFiles(output).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        }

        string[] peft = ["adapter_config.json", "adapter_model.safetensors"];
        Assert.Equal(peft, await FilesAfter("peft"));
        Assert.Equal(["adapter.gguf"], await FilesAfter("gguf"));
        Assert.Equal(peft, await FilesAfter("peft"));
    }

    [Fact]
    public async Task Apply_FoldedOutOfGguf_IsAWholeFolder()
    {
        var (file, output) = (await ExportAsync("f32"), zoo.NewPath());
        var run = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", output, "--format", "folded", "--model", file);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var served = await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"));
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(output));
    }

    [Fact]
    public async Task Merge_GgufModelAndGgufAdapter_RunsAndNamesItsInputs()
    {
        var (file, pool, output) = (await ExportAsync("f32"), zoo.NewPath(), zoo.NewPath());
        foreach (var name in (string[])["adapter-a", "adapter-b"])
        {
            Directory.CreateDirectory(Path.Combine(pool, name));
            foreach (var part in Directory.GetFiles(Path.Combine(zoo.Pool, name)))
                File.Copy(part, Path.Combine(pool, name, Path.GetFileName(part)));
        }

        var recipe = zoo.NewPath() + ".json";
        await File.WriteAllTextAsync(recipe, """{"space": "delta", "adapters": [{"name": "adapter-c", "weight": 1}]}""");
        await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", recipe, "--out", Path.Combine(pool, "adapter-c"), "--format", "gguf", "--model", file);
        var yaml = zoo.NewPath() + ".yaml";
        await File.WriteAllTextAsync(yaml, $$"""
            model: {{file}}
            pool: { path: {{pool}}, allow_different_bases: true }
            validation: {{zoo.Data}}
            search: random
            budget: { queries: 200 }
            seed: 1
            out: {{output}}
            """);
        var run = await CuveeRun.InProcessAsync("merge", yaml);
        Assert.True(run.Code == 0, run.Error);
        var manifest = await File.ReadAllTextAsync(Path.Combine(output, "merge_manifest.json"));
        Assert.Contains($"model/{Path.GetFileName(file)}", manifest, StringComparison.Ordinal);
        Assert.Contains("pool/adapter-c/adapter.gguf", manifest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_Twice_GivesTheSameBytes() =>
        Assert.Equal(await File.ReadAllBytesAsync(await ExportAsync("q8_0", "same")),
            await File.ReadAllBytesAsync(await ExportAsync("q8_0", "same")));

    [Fact]
    public async Task Export_Q80_StoresMatricesInBlocksWhereTheyFit()
    {
        var tensors = GgufReader.Open(await ExportAsync("q8_0")).Tensors;
        Assert.Equal(StorageFormat.F16, tensors["token_embd.weight"].Format); // rows of 16
        Assert.Equal(StorageFormat.F32, tensors["output_norm.weight"].Format);
    }

    private async Task<string> ExportAsync(string dtype, string name = "model")
    {
        var file = Path.Combine(zoo.NewPath(), name + ".gguf");
        var run = await CuveeRun.InProcessAsync("export", "--model", zoo.Model, "--out", file, "--dtype", dtype, "--json");
        Assert.Equal(new FileInfo(file).Length, run.Result["bytes"]!.GetValue<long>());
        Assert.Contains("no name for its 'pre_tokenizer'", run.Error, StringComparison.Ordinal);
        return file;
    }
}
