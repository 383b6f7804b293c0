using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Cuvee.FunctionalTests;

public sealed class MergeTests : IDisposable
{
    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Merge_WithComparison_WritesTheAdapterAndTellsTheTable()
    {
        var file = zoo.WriteRun("""
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

    /// <summary>The plan, the first line and a later resume that names no budget say the one that counts.</summary>
    [Fact]
    public async Task Merge_ResumeWithALargerBudget_PlansWithIt()
    {
        var file = zoo.WriteRun("search: cma-es\nbudget: { queries: 300 }\nsettings: { population: 6, sample: 6 }");
        async Task<int> PlannedAsync(params string[] more) =>
            (await CuveeRun.InProcessAsync(["merge", file, "--dry-run", "--json", .. more])).Result[0]!["queries"]!.GetValue<int>();
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file)).Code);
        Assert.Equal(300, await PlannedAsync("--resume"));
        Assert.Equal(420, await PlannedAsync("--resume", "--queries", "420"));
        Assert.Contains(
            "at most 420 queries", (await CuveeRun.InProcessAsync("merge", file, "--resume", "--queries", "420")).Error,
            StringComparison.Ordinal);
        Assert.Equal(420, await PlannedAsync("--resume"));
    }

    [Fact]
    public async Task Merge_SeveralObjectives_TellsAFrontWhoseRecipesScoreAsItSays()
    {
        var file = zoo.WriteRun("""
            search: nsga2
            objective: [cross-entropy, rouge-l]
            max_tokens: 4
            fallback: none
            budget: { queries: 1200 }
            settings: { population: 6, sample: 8, front: 3 }
            """);
        var run = await CuveeRun.InProcessAsync("merge", file);
        Assert.Equal(0, run.Code);
        var front = Path.Combine(zoo.Folder, "out", "front.json");
        Assert.Matches(@"front: [123] recipes, cross-entropy [\d.]+ to [\d.]+, 1 - rouge-l [\d.]+ to [\d.]+ on the", run.Output);
        Assert.Contains(front, run.Output, StringComparison.Ordinal);

        var best = JsonNode.Parse(await File.ReadAllTextAsync(front))!["points"]![0]!; // by the first objective
        var recipe = Path.Combine(zoo.Folder, "best.json");
        await File.WriteAllTextAsync(recipe, best["recipe"]!.ToJsonString());
        var score = await CuveeRun.InProcessAsync(
            "score", "--model", zoo.ModelFolder, "--pool", zoo.PoolFolder, "--recipe", recipe,
            "--data", Path.Combine(zoo.Folder, "validation.jsonl"), "--json");
        Assert.Equal(best["losses"]!["cross-entropy"]!.GetValue<double>(), score.Result["summary"]!["loss"]!.GetValue<double>(), 1e-4);

        var again = await CuveeRun.InProcessAsync("merge", file, "--resume", "--json");
        Assert.Equal(front, again.Result["front"]!.GetValue<string>());
    }

    [Fact]
    public async Task Merge_ForPeople_EndsWithTheTableAndWhereTheAdapterLies()
    {
        var file = zoo.WriteRun("""
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
    public async Task Merge_MetricAsObjective_SaysSoWhereverItsLossIsShown()
    {
        var run = await CuveeRun.InProcessAsync("merge", zoo.WriteRun("""
            objective: rouge-l
            max_tokens: 4
            search: cma-es
            budget: { evaluations: 20 }
            settings: { population: 8, sample: 6 }
            """));
        Assert.Equal(0, run.Code);
        Assert.StartsWith("CMA-ES over weights (delta) by rouge-l: ", run.Error, StringComparison.Ordinal);
        Assert.Matches(@"validation loss \(1 - rouge-l\) \d\.\d{3} -> \d\.\d{3}, ", run.Output);
        Assert.Contains(": 1 - rouge-l ", run.Output, StringComparison.Ordinal); // the verdict's sentence
        Assert.DoesNotContain("nats", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Merge_PoolWithDoubts_SaysWhatInspectSays()
    {
        var (first, twin) = (Path.Combine(zoo.PoolFolder, "adapter-a"), Path.Combine(zoo.PoolFolder, "adapter-z"));
        Directory.CreateDirectory(twin);
        foreach (var file in Directory.GetFiles(first)) File.Copy(file, Path.Combine(twin, Path.GetFileName(file)));
        var problems = (await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder, "--json")).Result["problems"]!.AsArray();
        var problem = Assert.Single(
            problems, each => each!.GetValue<string>().StartsWith("'adapter-a' and 'adapter-z'", StringComparison.Ordinal));

        var run = await CuveeRun.InProcessAsync(
            "merge", zoo.WriteRun("search: random\nbudget: { evaluations: 20 }\nsettings: { population: 8 }"));
        Assert.Equal(0, run.Code);
        Assert.Contains($"pool: {problem}", run.Error, StringComparison.Ordinal);
    }
}
