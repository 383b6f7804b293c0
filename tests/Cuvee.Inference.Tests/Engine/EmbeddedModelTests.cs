using Cuvee.LanguageModels;

namespace Cuvee.Inference.Tests.Engine;

public class EmbeddedModelTests
{
    private static readonly PromptCompletion[] Sample =
    [
        new("0", "The soup of the day was", " lentil"), new("1", "The soup of the day was", " cold, alas"), new("2", "Ω", "ß and ünlü"),
    ];

    [Fact]
    public async Task ScoreAsync_Records_AreTokenizedByTheContract()
    {
        var fixture = EngineFixture.Load("a");
        using var model = EmbeddedModel.Load(fixture.Folder, threads: 2);
        using var engine = new LlamaEngine(fixture.Config, threads: 1);

        var scores = await model.ScoreAsync(Sample, CancellationToken.None);

        for (var i = 0; i < Sample.Length; i++)
        {
            var prompt = model.Tokenizer.Encode(Sample[i].Prompt, addSpecialTokens: true);
            int[] tokens = [.. prompt, .. model.Tokenizer.Encode(Sample[i].Completion, addSpecialTokens: false), 257];
            Assert.Equal(256, tokens[0]);
            var expected = engine.ScoreTokens(fixture.Weights, null, [new TokenizedRecord("", tokens, prompt.Count)])[0];
            Assert.Equal(expected, scores[i].TokenLogProbabilities);
            Assert.Equal(expected.Sum(x => (double)x), scores[i].LogProbability);
            Assert.Equal(expected.Length, scores[i].Tokens);
            Assert.Equal(prompt.Count, scores[i].PromptTokens);
        }
    }

    [Theory]
    [InlineData("x", "", "empty completion")]
    [InlineData("x", "long", "context of 128")]
    public async Task ScoreAsync_RecordThatCannotBeScored_IsNamed(string prompt, string completion, string reason)
    {
        using var model = EmbeddedModel.Load(EngineFixture.Load("a").Folder, threads: 1);
        var record = new PromptCompletion("r7", prompt, completion == "long" ? string.Concat(Enumerable.Repeat("qz", 100)) : completion);
        var error = await Assert.ThrowsAsync<LanguageModelException>(() => model.ScoreAsync([Sample[0], record], CancellationToken.None));
        Assert.Contains("'r7'", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Single(await model.ScoreAsync([Sample[0]], CancellationToken.None));
    }

    [Fact]
    public async Task With_UpdateAndBack_EachScoresItsOwn()
    {
        var fixture = EngineFixture.Load("a");
        using var model = EmbeddedModel.Load(fixture.Folder, threads: 2);
        var before = await model.ScoreAsync(Sample, CancellationToken.None);
        var merged = fixture.Merge(new Recipe("delta", [new Share("one", 1, 1)]));
        var adapted = model.With(new Replacement(merged));
        using var fresh = new EmbeddedModel(merged, model.Tokenizer, threads: 1);

        var expected = await fresh.ScoreAsync(Sample, CancellationToken.None);
        var together = await Task.WhenAll(
            adapted.ScoreAsync(Sample, CancellationToken.None),
            model.ScoreAsync(Sample, CancellationToken.None),
            adapted.ScoreAsync(Sample, CancellationToken.None));

        Assert.Equal(expected.Select(score => score.LogProbability), together[0].Select(score => score.LogProbability));
        Assert.Equal(before.Select(score => score.LogProbability), together[1].Select(score => score.LogProbability));
        Assert.Equal(expected.Select(score => score.LogProbability), together[2].Select(score => score.LogProbability));
        Assert.NotEqual(before[0].LogProbability, expected[0].LogProbability);
    }

    [Fact]
    public async Task With_Update_GeneratesAsTheMergedModel()
    {
        var fixture = EngineFixture.Load("a");
        using var model = EmbeddedModel.Load(fixture.Folder, threads: 2);
        var merged = fixture.Merge(new Recipe("delta", [new Share("one", 1, 1)]));
        using var fresh = new EmbeddedModel(merged, model.Tokenizer, threads: 1);
        var adapted = model.With(new Replacement(merged));
        var options = new GenerationOptions { MaxTokens = 12 };
        string[] prompts = ["Hello", "The soup of the day was", "x"];
        var before = await model.GenerateAsync(prompts, options, CancellationToken.None);

        var generated = await adapted.GenerateAsync(prompts, options, CancellationToken.None);
        await model.ScoreAsync(Sample, CancellationToken.None); // frees the candidate's folded weights
        var again = await adapted.GenerateAsync(prompts, options, CancellationToken.None);

        Assert.Equal(await fresh.GenerateAsync(prompts, options, CancellationToken.None), generated);
        Assert.Equal(generated, again);
        Assert.NotEqual(before, generated);
        Assert.Equal(before, await model.GenerateAsync(prompts, options, CancellationToken.None));
    }

    /// <summary>Rows of another model in the place of the base's.</summary>
    private sealed class Replacement(LlamaWeights weights) : ILinearUpdate
    {
        private readonly int[] layers = new int[7];

        public bool Adapts(int layer, int linear) => true;

        public void Prepare(int layer, int linear) => layers[linear] = layer;

        public void AddRows(int linear, int firstRow, Span<float> rows)
        {
            var matrix = weights.Layers[layers[linear]].Linears[linear];
            matrix.ReadRows(firstRow, rows.Length / matrix.Columns, rows);
        }
    }

    [Fact]
    public async Task GenerateAsync_StopText_EndsBeforeIt()
    {
        using var model = EmbeddedModel.Load(EngineFixture.Load("a").Folder, threads: 2);
        var options = new GenerationOptions { MaxTokens = 24, Temperature = 1, Seed = 3 };
        var free = (await model.GenerateAsync(["Hello"], options, CancellationToken.None))[0];
        var stop = free.Text[5..7];
        var stopped = (await model.GenerateAsync(
            ["Hello", "there"], options with { Stop = ["never in it", stop] }, CancellationToken.None))[0];
        Assert.Equal(free.Text[..free.Text.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(StopReason.StopText, stopped.StopReason);
        Assert.True(stopped.Tokens < free.Tokens);
    }

    [Fact]
    public async Task GenerateAsync_Cancelled_ThrowsAndGoesOn()
    {
        using var model = EmbeddedModel.Load(EngineFixture.Load("a").Folder, threads: 2);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => model.GenerateAsync(["Hello"], new GenerationOptions(), new CancellationToken(canceled: true)));
        Assert.Equal(4, (await model.GenerateAsync(["Hello"], new GenerationOptions { MaxTokens = 4 }, CancellationToken.None))[0].Tokens);
    }
}
