using Cuvee.Data;
using Cuvee.Inference.Tokenization;

namespace Cuvee.FunctionalTests;

public sealed class ScoreTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Fact]
    public async Task Score_BaseModel_OneLineARecordThenTheSummary()
    {
        var run = await CuveeRun.InProcessAsync("score", "--model", zoo.Model, "--data", zoo.Data, "--json");

        var lines = run.Json.SkipLast(1).ToList();
        var records = RecordFile.Read(zoo.Data);
        var tokenizer = Tokenizer.Load(Path.Combine(zoo.Model, "tokenizer.json"));
        Assert.Equal(records.Select(record => record.Id), lines.Select(line => line["id"]!.GetValue<string>()));
        Assert.Equal(
            records.Select(record => tokenizer.Encode(record.Completion, addSpecialTokens: false).Count + 1),
            lines.Select(line => line["tokens"]!.GetValue<int>()));
        Assert.All(lines, line => Assert.Equal(["id", "logprob", "tokens"], ZooFixture.Keys(line)));
        Assert.All(lines, line => Assert.True(line["logprob"]!.GetValue<double>() < 0));

        var summary = run.Result["summary"]!;
        var (sum, tokens) = (lines.Sum(line => line["logprob"]!.GetValue<double>()), lines.Sum(line => line["tokens"]!.GetValue<int>()));
        Assert.Equal(["loss", "records", "tokens"], ZooFixture.Keys(summary));
        Assert.Equal(-sum / tokens, summary["loss"]!.GetValue<double>(), 1e-12);
        Assert.Equal((records.Count, tokens), (summary["records"]!.GetValue<int>(), summary["tokens"]!.GetValue<int>()));
    }

    [Fact]
    public async Task Score_Template_EqualsRenderedPrompts()
    {
        var (asked, rendered) = (zoo.NewPath(), zoo.NewPath());
        await File.WriteAllTextAsync(asked, """
            {"messages": [{"role": "user", "content": "red"}, {"role": "assistant", "content": "blue"}]}
            """);
        await File.WriteAllTextAsync(rendered, """
            {"prompt": "<|begin_of_text|>[INST] red [/INST]", "completion": "blue"}
            """);

        var byTemplate = await CuveeRun.InProcessAsync(
            "score", "--model", zoo.Model, "--data", asked, "--template", "mistral", "--completion-end", "<|pad|>", "--json");
        var byHand = await CuveeRun.InProcessAsync(
            "score", "--model", zoo.Model, "--data", rendered, "--completion-end", "<|pad|>", "--json"); // no second token in front
        var unclosed = await CuveeRun.InProcessAsync(
            "score", "--model", zoo.Model, "--data", rendered, "--completion-end", "none", "--json");

        Assert.Equal((0, ""), (byTemplate.Code, byTemplate.Error));
        Assert.Equal(byHand.Json[0]["logprob"]!.GetValue<double>(), byTemplate.Json[0]["logprob"]!.GetValue<double>());
        Assert.Equal(byHand.Json[0]["tokens"]!.GetValue<int>() - 1, unclosed.Json[0]["tokens"]!.GetValue<int>());
    }

    [Fact]
    public async Task Score_WithoutIds_IdIsTheLine()
    {
        var data = zoo.NewPath();
        await File.WriteAllTextAsync(data, """
            {"prompt": "red", "completion": "blue"}
            {"prompt": "soup", "completion": "bread"}
            """);
        var run = await CuveeRun.InProcessAsync("score", "--model", zoo.Model, "--data", data, "--json");
        Assert.Equal(["0", "1"], run.Json.SkipLast(1).Select(line => line["id"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Score_RecipeOfOneAdapterAtWeightOne_EqualsTheAdapter()
    {
        var recipe = zoo.NewPath();
        await File.WriteAllTextAsync(recipe, """{"space": "delta", "adapters": [{"name": "adapter-b", "weight": 1}]}""");
        var adapter = await zoo.ScoreAsync(zoo.Model, "--adapter", Path.Combine(zoo.Pool, "adapter-b"));
        ZooFixture.AssertEqual(adapter, await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", recipe));
        var alone = await zoo.ScoreAsync(zoo.Model);
        Assert.All(alone.Zip(adapter), pair => Assert.True(Math.Abs(pair.First - pair.Second) > 0.01));
    }

    [Fact]
    public async Task Score_ForPeople_SaysTheLossLast()
    {
        var run = await CuveeRun.InProcessAsync("score", "--model", zoo.Model, "--data", zoo.Data);
        Assert.Matches("^loss [0-9.]+ nats per token over 24 records, [0-9]+ tokens$", run.Output.TrimEnd().Split('\n')[^1]);
    }
}
