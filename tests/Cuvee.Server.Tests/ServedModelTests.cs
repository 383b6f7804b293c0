using System.Text.Json.Nodes;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Served;

namespace Cuvee.Server.Tests;

/// <summary>The client of searches against the service itself: what the engine says under the same rules.</summary>
public sealed class ServedModelTests
{
    private static readonly GenerationOptions Greedy = new() { MaxTokens = 12 };

    [Theory]
    [InlineData(TextRules.NoEnd)]
    [InlineData(null)] // a token of the whole answer, as a base model under a template needs it
    public async Task CompletionEnd_OtherThanAuto_ClosesCompletionsAndEndsAnswers(string? end)
    {
        await using var service = await Service.StartAsync();
        using var plain = service.Direct(Service.Recipe);
        var prompt = new TokenizedPrompt("0", [.. plain.Tokenizer.EncodePrompt("red soup")]);
        var whole = (await plain.GenerateTokensAsync([prompt], Greedy, null, CancellationToken.None))[0].Tokens;
        var rules = TextRules.Plain with { CompletionEnd = end ?? plain.Tokenizer.TokenOf(whole[5]) };
        using var direct = service.Direct(Service.Recipe, rules);
        using var connection = Connect(service);
        var served = new ServedModel(connection, "base", JsonNode.Parse(Service.Recipe)!, rules, contextLength: 128);

        var answers = await served.GenerateAsync(["red soup"], Greedy, CancellationToken.None);
        Assert.Equal(await direct.GenerateAsync(["red soup"], Greedy, CancellationToken.None), answers);
        Assert.Equal(end is null, answers[0].Tokens <= 6);

        PromptCompletion[] records = [new("0", "red soup", "plum")];
        var (expected, scores) = (
            await direct.ScoreAsync(records, CancellationToken.None), await served.ScoreAsync(records, CancellationToken.None));
        Assert.Equal(expected[0].TokenLogProbabilities, scores[0].TokenLogProbabilities);
    }

    /// <summary>Weights without measure are a bad candidate and not the end of a run, as on the embedded engine.</summary>
    [Fact]
    public async Task ScoreAsync_EndlessWeight_IsNoFiniteScore()
    {
        const string recipe = """{"space": "delta", "adapters": [{"name": "adapter-a", "weight": 1e30}]}""";
        PromptCompletion[] records = [new("0", "red soup", "plum"), new("1", "red", "soup")];
        await using var service = await Service.StartAsync();
        using var direct = service.Direct(recipe);
        using var connection = Connect(service);
        var served = new ServedModel(connection, "base", JsonNode.Parse(recipe)!, TextRules.Plain, contextLength: 128);
        var (expected, scores) = (
            await direct.ScoreAsync(records, CancellationToken.None), await served.ScoreAsync(records, CancellationToken.None));
        Assert.All(expected.Zip(scores), pair =>
        {
            Assert.False(double.IsFinite(pair.First.LogProbability));
            Assert.False(double.IsFinite(pair.Second.LogProbability));
            Assert.Equal((pair.First.Tokens, pair.First.PromptTokens), (pair.Second.Tokens, pair.Second.PromptTokens));
            Assert.Equal(pair.Second.Tokens, pair.Second.TokenLogProbabilities!.Count(float.IsNaN));
        });
    }

    private static JsonService Connect(Service service) => new(
        new JsonServiceSettings(new Uri("http://localhost")), TimeProvider.System, () => 0.5, service.Handler);
}
