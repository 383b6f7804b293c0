using System.Text;
using System.Text.RegularExpressions;

namespace Cuvee.FunctionalTests;

public sealed class MergeTests : IDisposable
{
    private const string Search = """
        search: evo-merging
        seed: 5
        budget: { evaluations: 600 }
        settings: { population: 8, sample: 8, held_out: 0 }
        """;

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Merge_WithComparison_WritesTheAdapterAndTellsTheTable()
    {
        var file = WriteRun("""
            search: fisher-probing
            budget: { queries: 300 }
            compare:
              metric: rouge-l
              max_tokens: 4
              random_draws: 1
              searches:
                - { search: cma-es, space: factors, budget: { evaluations: 20 }, settings: { population: 8, sample: 6 } }
            """);
        var output = Path.Combine(zoo.Folder, "out");
        var run = await CuveeRun.InProcessAsync("merge", file, "--json");

        Assert.Equal(0, run.Code);
        var result = Assert.Single(run.Json);
        Assert.Equal("fisher-probing (delta)", result["search"]!.GetValue<string>());
        Assert.Equal(output, result["out"]!.GetValue<string>());
        Assert.Equal(6, result["comparison"]!["rows"]!.AsArray().Count);
        Assert.InRange(result["queries"]!.GetValue<int>(), 1, 300);
        Assert.All(
            ["adapter_model.safetensors", "adapter_config.json", "recipe.json", "merge_manifest.json", "evaluations.jsonl", "README.md"],
            name => Assert.True(File.Exists(Path.Combine(output, name)), name));

        var validation = Path.Combine(zoo.Folder, "validation.jsonl");
        async Task<double> LossAsync(params string[] selection)
        {
            var score = await CuveeRun.InProcessAsync(["score", "--model", zoo.ModelFolder, .. selection, "--data", validation, "--json"]);
            return score.Result["summary"]!["loss"]!.GetValue<double>();
        }

        var loss = result["validation_loss"]!.GetValue<double>();
        Assert.Equal(loss, await LossAsync("--adapter", output), 0.005 * loss); // bf16, the smallest rank that keeps the loss
        Assert.Equal(loss, await LossAsync("--pool", zoo.PoolFolder, "--recipe", Path.Combine(output, "recipe.json")), 1e-4);

        // Progress for people goes to the error stream: stages, losses, cost, rows of the table.
        Assert.Contains("queries", run.Error, StringComparison.Ordinal);
        Assert.Contains("loss best", run.Error, StringComparison.Ordinal);
        Assert.Contains("measuring base model", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Merge_ForPeople_EndsWithTheTableAndWhereTheAdapterLies()
    {
        var file = WriteRun("""
            search: random
            budget: { evaluations: 20 }
            settings: { population: 8 }
            compare: { metric: rouge-l, max_tokens: 2 }
            """);
        var other = Path.Combine(zoo.Folder, "elsewhere");
        var run = await CuveeRun.InProcessAsync("merge", file, "--out", other);
        Assert.Equal(0, run.Code);
        Assert.Contains("uniform average", run.Output, StringComparison.Ordinal);
        Assert.Matches(
            $@"^merged adapter: {Regex.Escape(other)} \(rank \d+, BF16, loss as written \d\.\d{{3}}, exact \d\.\d{{3}}\)$",
            run.Output.TrimEnd().Split('\n')[^1]);
        Assert.False(Directory.Exists(Path.Combine(zoo.Folder, "out")));
    }

    [Fact]
    public async Task Merge_KilledAndResumed_SameBytesAsAnUncutRun()
    {
        var file = WriteRun(Search);
        var (whole, cut) = (Path.Combine(zoo.Folder, "whole"), Path.Combine(zoo.Folder, "cut"));
        using (var process = CuveeRun.Start("merge", file, "--out", cut))
        {
            // Progress is written as it happens: the first generation's line means that its answers are in the journal.
            while (await process.StandardError.ReadLineAsync() is { } line && !line.Contains("loss best", StringComparison.Ordinal))
            {
            }

            process.Kill(); // SIGKILL
            await process.WaitForExitAsync();
            Assert.NotEqual(0, process.ExitCode);
        }

        Assert.False(File.Exists(Path.Combine(cut, "adapter_model.safetensors")));
        var kept = (await File.ReadAllLinesAsync(Path.Combine(cut, "evaluations.jsonl"))).Length;
        Assert.Equal(2, (await CuveeRun.InProcessAsync("merge", file, "--out", cut)).Code);

        var resumed = await CuveeRun.InProcessAsync("merge", file, "--out", cut, "--resume", "--json");
        Assert.Equal(0, resumed.Code);
        Assert.Contains("resuming:", resumed.Error, StringComparison.Ordinal);
        var uncut = await CuveeRun.InProcessAsync("merge", file, "--out", whole, "--json");
        Assert.Equal(0, uncut.Code);
        Assert.InRange(kept, 8, (await File.ReadAllLinesAsync(Path.Combine(whole, "evaluations.jsonl"))).Length - 1);
        foreach (var name in (string[])["adapter_model.safetensors", "adapter_config.json", "recipe.json", "evaluations.jsonl"])
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(whole, name)), await File.ReadAllBytesAsync(Path.Combine(cut, name)));
    }

    [Fact]
    public async Task Merge_Stopped_SaysHowToGoOn()
    {
        var file = WriteRun(Search.Replace("600", "80", StringComparison.Ordinal));
        using var stop = new CancellationTokenSource();
        using var error = new WatchedWriter("loss best", stop.Cancel);
        var run = await CuveeRun.InProcessAsync(error, stop.Token, "merge", file);
        Assert.Equal((130, ""), (run.Code, run.Output));
        Assert.EndsWith($"cuvee merge {file} --resume", run.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(zoo.Folder, "out", "adapter_model.safetensors")));
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--resume")).Code);
    }

    private string WriteRun(string search)
    {
        var file = Path.Combine(zoo.Folder, "run.yaml");
        File.WriteAllText(file, $$"""
            model: model
            pool: { path: pool }
            validation: validation.jsonl
            test: test.jsonl
            out: out
            {{search}}
            """);
        return file;
    }

    /// <summary>Acts when a line holds a text.</summary>
    private sealed class WatchedWriter(string text, Action act) : StringWriter(new StringBuilder())
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(text, StringComparison.Ordinal) == true) act();
        }
    }
}
