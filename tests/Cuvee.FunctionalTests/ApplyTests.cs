using System.Text.Json.Nodes;

namespace Cuvee.FunctionalTests;

/// <summary>A recipe served, exported as an adapter and folded into the base is one model.</summary>
public sealed class ApplyTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Theory]
    [InlineData("factors")]
    [InlineData("delta")]
    public async Task Apply_Peft_ScoresLikeTheRecipe(string space)
    {
        var output = zoo.NewPath();
        var run = await CuveeRun.InProcessAsync("apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe(space), "--out", output, "--json");
        Assert.Equal((space, "f32"), (run.Result["space"]!.GetValue<string>(), run.Result["dtype"]!.GetValue<string>()));
        Assert.Equal(0, run.Result["dropped_share"]!.GetValue<double>());

        var served = await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe(space));
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(zoo.Model, "--adapter", output));
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Directory.GetFiles(output).Select(Path.GetFileName).Order());
        Assert.Equal(space == "factors" ? 2 : 4, run.Result["rank"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("factors")]
    [InlineData("delta")]
    public async Task Apply_Folded_ScoresLikeTheRecipeWithoutAnAdapter(string space)
    {
        var output = zoo.NewPath();
        var run = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe(space), "--out", output,
            "--format", "folded", "--model", zoo.Model, "--json");
        Assert.Equal("folded", run.Result["format"]!.GetValue<string>());

        var served = await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe(space));
        ZooFixture.AssertEqual(served, await zoo.ScoreAsync(output));
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(zoo.Model, "tokenizer.json")),
            await File.ReadAllBytesAsync(Path.Combine(output, "tokenizer.json")));
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("f16")]
    public async Task Apply_NarrowType_HalvesTheFileAndStaysNear(string dtype)
    {
        var (wide, narrow) = (zoo.NewPath(), zoo.NewPath());
        await CuveeRun.InProcessAsync("apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", wide);
        await CuveeRun.InProcessAsync("apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", narrow, "--dtype", dtype);
        static long Size(string folder) => new FileInfo(Path.Combine(folder, "adapter_model.safetensors")).Length;
        Assert.InRange(Size(narrow), Size(wide) * 0.45, Size(wide) * 0.8);
        var (exact, rounded) = (await zoo.ScoreAsync(zoo.Model, "--adapter", wide), await zoo.ScoreAsync(zoo.Model, "--adapter", narrow));
        Assert.All(exact.Zip(rounded), pair => Assert.Equal(pair.First, pair.Second, 0.05 * Math.Abs(pair.First)));
        Assert.NotEqual(exact, rounded);
    }

    [Fact]
    public async Task Apply_BoundedRank_ReportsDroppedEnergyPerModuleAndInTotal()
    {
        var output = zoo.NewPath();
        var run = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", output, "--rank", "1", "--json");

        var reductions = run.Result["reductions"]!.AsArray();
        Assert.Equal(14, reductions.Count); // two layers of seven modules
        Assert.All(reductions, module => Assert.InRange(module!["dropped_share"]!.GetValue<double>(), 0.01, 0.9));
        Assert.InRange(
            run.Result["dropped_share"]!.GetValue<double>(),
            reductions.Min(module => module!["dropped_share"]!.GetValue<double>()),
            reductions.Max(module => module!["dropped_share"]!.GetValue<double>()));
        var config = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(output, "adapter_config.json")))!;
        Assert.Equal(1, config["r"]!.GetValue<int>());
    }

    [Fact]
    public async Task Apply_Force_ReplacesItsFilesAndKeepsOthers()
    {
        var output = zoo.NewPath();
        Directory.CreateDirectory(output);
        await File.WriteAllTextAsync(Path.Combine(output, "notes.txt"), "mine");
        await File.WriteAllTextAsync(Path.Combine(output, "adapter_config.json"), "old");
        string[] arguments = ["apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", output];

        Assert.Equal(2, (await CuveeRun.InProcessAsync(arguments)).Code);
        Assert.Equal("old", await File.ReadAllTextAsync(Path.Combine(output, "adapter_config.json")));
        Assert.Equal(0, (await CuveeRun.InProcessAsync([.. arguments, "--force"])).Code);
        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(output, "notes.txt")));
        Assert.Equal(
            await zoo.ScoreAsync(zoo.Model, "--adapter", output),
            await ScoreFreshAsync());

        async Task<double[]> ScoreFreshAsync()
        {
            var fresh = zoo.NewPath();
            await CuveeRun.InProcessAsync("apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", fresh);
            return await zoo.ScoreAsync(zoo.Model, "--adapter", fresh);
        }
    }
}
