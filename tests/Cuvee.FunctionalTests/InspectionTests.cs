using System.Text.Json;

namespace Cuvee.FunctionalTests;

/// <summary><c>inspect</c>, <c>bench</c> and the help.</summary>
public sealed class InspectionTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Fact]
    public async Task Inspect_Pool_ListsAdaptersAndSymmetricMatrices()
    {
        var result = (await CuveeRun.InProcessAsync("inspect", zoo.Pool, "--json")).Result;
        Assert.Equal(
            ["adapter-a", "adapter-b", "adapter-c"], result["adapters"]!.AsArray().Select(adapter => adapter!["name"]!.GetValue<string>()));
        Assert.All(result["adapters"]!.AsArray(), adapter => Assert.Equal([2], adapter!["ranks"].Deserialize<int[]>()!));
        Assert.All(result["adapters"]!.AsArray(), adapter => Assert.True(adapter!["delta_norm"]!.GetValue<double>() > 0));
        var cosine = result["cosine_similarity"].Deserialize<double[][]>()!;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(1, cosine[i][i]);
            for (var j = 0; j < i; j++) Assert.Equal(cosine[i][j], cosine[j][i]);
        }

        Assert.Empty(result["problems"]!.AsArray());
    }

    [Fact]
    public async Task Inspect_ForPeople_ShowsEveryAdapterOnOneLine()
    {
        var run = await CuveeRun.InProcessAsync("inspect", zoo.Pool, "--exclude", "adapter-b");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Single(run.Output.Split('\n'), line => line.TrimStart().StartsWith("adapter-a ", StringComparison.Ordinal));
        Assert.DoesNotContain("adapter-b", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("factors")]
    [InlineData("delta")]
    public async Task BenchCandidate_SmallShape_TellsTimeAndWork(string space)
    {
        var result = (await CuveeRun.InProcessAsync(
            "bench", "candidate", "--space", space, "--adapters", "2", "--rank", "2", "--sequences", "1", "--length", "8", "--scored", "2",
            "--repetitions", "1", "--json")).Result;
        Assert.Equal(space, result["space"]!.GetValue<string>());
        foreach (var key in (string[])["milliseconds", "gflop", "gflops", "gemm_gflops"]) Assert.True(result[key]!.GetValue<double>() > 0);
        Assert.Equal(
            result["gflop"]!.GetValue<double>() / result["milliseconds"]!.GetValue<double>() * 1000,
            result["gflops"]!.GetValue<double>(),
            1e-6);
    }

    [Fact]
    public async Task BenchTokenize_Text_TellsSpeedAndSize()
    {
        using var tiny = new TinyZoo();
        var text = Path.Combine(tiny.Folder, "text.txt");
        await File.WriteAllTextAsync(text, "red plum\nblue river\n");
        var result = (await CuveeRun.InProcessAsync(
            "bench", "tokenize", "--model", tiny.ModelFolder, "--text", text, "--repetitions", "1", "--json")).Result;
        Assert.Equal(8 + 10, result["bytes"]!.GetValue<long>());
        Assert.InRange(result["tokens"]!.GetValue<long>(), 4, 20);
        Assert.True(result["megabytes_per_second"]!.GetValue<double>() > 0);
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("apply")]
    [InlineData("score")]
    [InlineData("evaluate")]
    [InlineData("generate")]
    [InlineData("tokenize")]
    [InlineData("inspect")]
    [InlineData("bench", "candidate")]
    [InlineData("bench", "tokenize")]
    public async Task Help_EveryCommand_EndsWithExamplesOfItself(params string[] command)
    {
        var run = await CuveeRun.InProcessAsync([.. command, "--help"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var examples = run.Output[run.Output.IndexOf("Examples:", StringComparison.Ordinal)..].TrimEnd().Split('\n').Skip(1).ToList();
        Assert.NotEmpty(examples);
        Assert.All(examples, line => Assert.StartsWith($"  cuvee {string.Join(' ', command)} ", line + " ", StringComparison.Ordinal));
        Assert.Contains($"  {command[0]}", (await CuveeRun.InProcessAsync("--help")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_Asked_StartsWithANumber()
    {
        var run = await CuveeRun.InOwnProcessAsync([], "--version");
        Assert.Equal(0, run.Code);
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+", run.Output);
    }
}
