namespace Cuvee.FunctionalTests;

/// <summary>A path of layers becomes a model like any other.</summary>
public sealed class FoldTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    /// <summary>The tiny zoo's embeddings are so small that the norms' epsilon matters: without the scale's part in it, 3e-3.</summary>
    [Fact]
    public async Task Fold_PathOfTwoModels_ScoresLikeThePath()
    {
        var (other, output) = (zoo.NewPath(), zoo.NewPath());
        var applied = await CuveeRun.InProcessAsync(
            "apply", "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--out", other, "--format", "folded", "--model", zoo.Model);
        Assert.Equal(0, applied.Code);
        var path = await WriteAsync($$"""
            {"models": ["{{zoo.Model}}", "{{other}}"], "path": [{"layer": 0, "scale": -0.7}, {"model": 1, "layer": 1}, {"layer": 1}]}
            """);

        Assert.InRange(await DifferenceAsync(path, output), 0, 1e-4);
        Assert.NotEqual(await zoo.ScoreAsync(zoo.Model), await zoo.ScoreAsync(output));
    }

    [Fact]
    public async Task Fold_ThePlainModel_IsTheModel()
    {
        var output = zoo.NewPath();
        var path = await WriteAsync($$"""{"models": ["{{zoo.Model}}"], "path": [{"layer": 0}, {"layer": 1}]}""");
        Assert.Equal(0, (await CuveeRun.InProcessAsync("fold", path, "--out", output)).Code);
        Assert.Equal(await zoo.ScoreAsync(zoo.Model), await zoo.ScoreAsync(output));
    }

    [Theory]
    [InlineData("""[{"layer": 0, "scale": 0}]""", "path[0] scales its input by 0")]
    [InlineData("""[{"layer": 7}]""", "path[0] takes layer 7")]
    [InlineData("""[{"scale": 1}]""", "'path[0].layer' is missing")]
    [InlineData("""[{"layer": 0, "weight": 1}]""", "unknown key 'weight'")]
    public async Task Fold_WrongPath_SaysWhatToMendAndWritesNothing(string steps, string message)
    {
        var output = zoo.NewPath();
        var path = await WriteAsync($$"""{"models": ["{{zoo.Model}}"], "path": {{steps}}}""");
        var run = await CuveeRun.InProcessAsync("fold", path, "--out", output);
        Assert.Equal(2, run.Code);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    private static async Task<double> DifferenceAsync(string path, string output)
    {
        var run = await CuveeRun.InProcessAsync("fold", path, "--out", output, "--json");
        Assert.Equal((0, "", 3), (run.Code, run.Error, run.Result["layers"]!.GetValue<int>()));
        return run.Result["largest_difference"]!.GetValue<double>();
    }

    private async Task<string> WriteAsync(string text)
    {
        var path = zoo.NewPath() + ".json";
        await File.WriteAllTextAsync(path, text);
        return path;
    }
}
