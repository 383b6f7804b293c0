namespace Cuvee.FunctionalTests;

/// <summary>Whole checkpoints merged by a mergekit file are models like any other.</summary>
public sealed class MergekitTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    /// <summary>Two adapters folded into the base, then merged as checkpoints: the recipe that merges the adapters themselves.</summary>
    [Fact]
    public async Task Merge_TaskArithmeticOfFoldedAdapters_ScoresLikeTheirRecipe()
    {
        var (a, c, output) = (await FoldedAsync("adapter-a"), await FoldedAsync("adapter-c"), zoo.NewPath());
        var file = await WriteAsync($$$"""
            merge_method: task_arithmetic
            base_model: {{{zoo.Model}}}
            models:
              - {model: {{{a}}}, parameters: {weight: 0.8}}
              - {model: {{{c}}}, parameters: {weight: -0.4}}
            dtype: float32
            """);
        var run = await CuveeRun.InProcessAsync("merge", file, "--out", output, "--json");
        Assert.Equal(("task_arithmetic", 2, 3), (
            run.Result["method"]!.GetValue<string>(), run.Result["layers"]!.GetValue<int>(), run.Result["models"]!.AsArray().Count));
        var recipe = zoo.NewPath();
        await File.WriteAllTextAsync(
            recipe,
            """{"space": "delta", "adapters": [{"name": "adapter-a", "weight": 0.8}, {"name": "adapter-c", "weight": -0.4}]}""");
        ZooFixture.AssertEqual(
            await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", recipe), await zoo.ScoreAsync(output));
    }

    [Fact]
    public async Task Merge_StackedLayers_IsAModelOfMoreLayers()
    {
        var (whole, stacked) = (zoo.NewPath(), zoo.NewPath());
        var file = await WriteAsync(Slices([0, 1], [1, 2]));
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", whole)).Code);
        ZooFixture.AssertEqual(await zoo.ScoreAsync(zoo.Model), await zoo.ScoreAsync(whole));

        var run = await CuveeRun.InProcessAsync("merge", await WriteAsync(Slices([0, 2], [0, 2])), "--out", stacked, "--json");
        Assert.Equal(4, run.Result["layers"]!.GetValue<int>());
        var (before, after) = (await zoo.ScoreAsync(zoo.Model), await zoo.ScoreAsync(stacked));
        Assert.All(before.Zip(after), pair => Assert.NotEqual(pair.First, pair.Second, 1e-3));
    }

    [Fact]
    public async Task Merge_DryRun_SaysWhatItWouldBeAndWritesNothing()
    {
        var output = zoo.NewPath();
        var run = await CuveeRun.InProcessAsync("merge", await WriteAsync(Slices([0, 2])), "--out", output, "--dry-run");
        Assert.Equal(0, run.Code);
        Assert.Contains("passthrough of", run.Output, StringComparison.Ordinal);
        Assert.Contains("2 layers", run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public async Task Merge_WrongUse_OneSentence()
    {
        var file = await WriteAsync(Slices([0, 2]));
        async Task<string> RefusalAsync(params string[] arguments)
        {
            var run = await CuveeRun.InProcessAsync(["merge", .. arguments]);
            Assert.Equal((2, ""), (run.Code, run.Output));
            return run.Error;
        }

        Assert.Contains("add --out DIR", await RefusalAsync(file), StringComparison.Ordinal);
        Assert.Contains("leave out --resume", await RefusalAsync(file, "--out", zoo.NewPath(), "--resume"), StringComparison.Ordinal);
        Assert.EndsWith(
            "the folder is not empty; choose another --out.", (await RefusalAsync(file, "--out", zoo.Model)).TrimEnd(),
            StringComparison.Ordinal);
        var search = zoo.Zoo.WriteRun("search: cma-es");
        Assert.Contains("a run file says its own seed", await RefusalAsync(search, "--seed", "3"), StringComparison.Ordinal);
    }

    private string Slices(params int[][] ranges) => "merge_method: passthrough\nslices:\n" + string.Concat(ranges.Select(range =>
        $"- sources: [{{model: {zoo.Model}, layer_range: [{range[0]}, {range[1]}]}}]\n")) + "dtype: float32\n";

    private async Task<string> WriteAsync(string yaml)
    {
        var file = zoo.NewPath() + ".yml";
        await File.WriteAllTextAsync(file, yaml);
        return file;
    }

    private async Task<string> FoldedAsync(string adapter)
    {
        var (recipe, output) = (zoo.NewPath(), zoo.NewPath());
        await File.WriteAllTextAsync(recipe, $$"""{"space": "delta", "adapters": [{"name": "{{adapter}}", "weight": 1}]}""");
        var run = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", recipe, "--out", output, "--format", "folded", "--model", zoo.Model);
        Assert.Equal(0, run.Code);
        return output;
    }
}
