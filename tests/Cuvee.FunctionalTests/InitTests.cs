using Cuvee.Data;
using Cuvee.LanguageModels;
using Cuvee.Searches;

namespace Cuvee.FunctionalTests;

public sealed class InitTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Theory]
    [InlineData("run.yaml")]
    [InlineData("a folder: with # signs/run 'two'.yaml")]
    public async Task Init_WithTestRecords_TheMergeRunsAsWritten(string name)
    {
        var file = Path.Combine(zoo.NewPath(), name);
        var test = Path.Combine(zoo.Zoo.Folder, "test.jsonl");
        var run = await InitAsync(file, "--test", test, "--queries", "300", "--exclude", "adapter-b", "--metric", "rouge-l");
        Assert.Equal((0, ""), (run.Code, run.Error));

        var plan = await CuveeRun.InProcessAsync("merge", file, "--dry-run", "--json");
        Assert.Equal("fisher-probing (delta)", plan.Result[0]!["search"]!.GetValue<string>());
        Assert.Equal(300, plan.Result[0]!["queries"]!.GetValue<int>());
        Assert.Equal(2, plan.Result[0]!["adapters"]!.GetValue<int>());

        var merged = await CuveeRun.InProcessAsync("merge", file, "--json");
        Assert.Equal(Path.ChangeExtension(file, null), merged.Result["out"]!.GetValue<string>());
        Assert.Equal("rouge-l", merged.Result["comparison"]!["metric"]!.GetValue<string>());
    }

    [Theory]
    [InlineData(true, "fisher-probing (delta)", "CMA-ES over weights (delta)")]
    [InlineData(false, "fisher-probing (delta)")] // rows of the table stay offers within the offer
    public async Task Init_CommentsTakenAway_StillARunFile(bool hasTest, params string[] searches)
    {
        var file = Path.Combine(Directory.CreateDirectory(zoo.NewPath()).FullName, "run.yaml");
        var test = Path.Combine(Path.GetDirectoryName(file)!, "test.jsonl");
        File.Copy(Path.Combine(zoo.Zoo.Folder, "test.jsonl"), test);
        Assert.Equal(0, (await InitAsync(file, hasTest ? ["--test", test] : [])).Code);

        // "# key: value # meaning" is how the file offers a key; "# exclude: [NAME]" alone needs a name of the pool.
        var offered = (await File.ReadAllLinesAsync(file)).Skip(1).Select(line =>
        {
            var key = line.IndexOf("# ", StringComparison.Ordinal);
            return line.TrimStart().StartsWith("# ", StringComparison.Ordinal) ? line[..key] + line[(key + 2)..] : line;
        });
        await File.WriteAllTextAsync(file, string.Join('\n', offered).Replace("NAME", "adapter-b", StringComparison.Ordinal));
        var plan = await CuveeRun.InProcessAsync("merge", file, "--dry-run", "--json");
        Assert.Equal("", plan.Error);
        Assert.Equal(searches, plan.Result.AsArray().Select(search => search!["search"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Init_EverySearch_WritesARunThatCanBePlanned()
    {
        using var models = new TinyZoo(adapters: 0);
        models.WriteModel("one", 1);
        models.WriteModel("two", 2);
        foreach (var search in Catalog.Default.AllSearches)
        {
            var file = zoo.NewPath() + ".yaml";
            var whole = search is EvolutionarySearch;
            var run = whole
                ? await CuveeRun.InProcessAsync(
                    "init", file, "--model", models.ModelFolder, "--pool", models.PoolFolder, "--validation", zoo.Data, "--search",
                    search.Name, "--metric", "rouge-l")
                : await InitAsync(file, "--search", search.Name, "--metric", "rouge-l");
            Assert.Equal((0, ""), (run.Code, run.Error));
            Assert.Contains(whole ? ", 2 models, " : ", 3 adapters, ", run.Output, StringComparison.Ordinal);
            Assert.Equal(
                search.Needs.HasFlag(SearchNeeds.SeveralObjectives),
                (await File.ReadAllTextAsync(file)).Contains("\nobjective: [cross-entropy, rouge-l] #", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Init_FileIsThere_RefusesWithoutForce()
    {
        var file = zoo.NewPath() + ".yaml";
        await File.WriteAllTextAsync(file, "mine");
        var refused = await InitAsync(file);
        Assert.Equal(2, refused.Code);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(file));
        Assert.Equal(0, (await InitAsync(file, "--force")).Code);
    }

    /// <summary>The tiny model names no template of its own.</summary>
    [Fact]
    public async Task Init_RecordsWithMessages_TakeATemplate()
    {
        var (file, data) = (zoo.NewPath() + ".yaml", zoo.NewPath() + ".jsonl");
        await File.WriteAllLinesAsync(data, Enumerable.Range(0, 40).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "red {{i}}"}, {"role": "assistant", "content": "blue"}]}"""));
        Task<CuveeRun> Init(params string[] more) => CuveeRun.InProcessAsync(
            ["init", file, "--model", zoo.Model, "--pool", zoo.Pool, "--validation", data, .. more]);
        Assert.Contains("'template'", (await Init()).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Init("--template", "none")).Code);
        Assert.Contains("\ntemplate: none # how prompts", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--template", "jinja")]
    [InlineData("--queries", "3")] // below one generation
    [InlineData("--exclude", "nobody")]
    [InlineData("--test", "missing.jsonl")]
    public async Task Init_WhatMergeWouldRefuse_IsRefusedAndNothingIsWritten(string option, string value)
    {
        var file = zoo.NewPath() + ".yaml";
        var run = await InitAsync(file, option, value);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("ie-f1", "dish: soup; place: town", "none", "dish: rice")]
    [InlineData("accuracy", "yes", "no")]
    [InlineData("exact-match", null)] // forty different numbers
    public async Task Init_FormOfTheAnswers_GuessesTheMetric(string metric, params string[]? answers)
    {
        var (file, data) = (zoo.NewPath() + ".yaml", zoo.NewPath() + ".jsonl");
        RecordFile.Write(data, Enumerable.Range(0, 40).Select(
            i => new PromptCompletion($"{i}", $"question {i}", answers is null ? $"{i}" : answers[i % answers.Length])));
        var run = await CuveeRun.InProcessAsync("init", file, "--model", zoo.Model, "--pool", zoo.Pool, "--validation", data);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains($"metric: {metric} # shown beside the loss; guessed", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    private Task<CuveeRun> InitAsync(string file, params string[] more) => CuveeRun.InProcessAsync(
        ["init", file, "--model", zoo.Model, "--pool", zoo.Pool, "--validation", zoo.Data, .. more]);
}
