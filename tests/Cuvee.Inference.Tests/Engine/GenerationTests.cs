using Cuvee.LanguageModels;

namespace Cuvee.Inference.Tests.Engine;

public class GenerationTests
{
    private static readonly GenerationOptions Sampled = new()
    {
        MaxTokens = 20,
        Temperature = 0.9,
        TopP = 0.8,
        TopK = 40,
        RepetitionPenalty = 1.2,
        Seed = 5,
    };

    [Theory]
    [MemberData(nameof(EngineFixture.Models), MemberType = typeof(EngineFixture))]
    public void GenerateTokens_GreedyPyTorchFixture_SameTokens(string model)
    {
        var fixture = EngineFixture.Load(model);
        using var engine = EngineOf(fixture);
        var expected = fixture.Expected.Greedy;
        var prompts = expected.Continuations.Select((each, i) => new TokenizedPrompt($"{i}", each.Prompt)).ToList();

        var generated = engine.GenerateTokens(fixture.Weights, prompts, new GenerationOptions { MaxTokens = expected.MaxTokens });

        for (var i = 0; i < prompts.Count; i++)
        {
            Assert.Equal(expected.Continuations[i].Tokens, generated[i].Tokens);
            var ended = fixture.Config.EosTokenIds.Contains(generated[i].Tokens[^1]);
            Assert.Equal(ended ? StopReason.EndOfSequence : StopReason.MaxTokens, generated[i].StopReason);
        }
    }

    [Theory]
    [InlineData("a", 0)]
    [InlineData("a", 1)]
    [InlineData("b", 1)]
    [InlineData("mistral", 1)]
    [InlineData("qwen3", 1)]
    public void GenerateTokens_OneByOneOrTogether_SameTokens(string model, double temperature)
    {
        var fixture = EngineFixture.Load(model);
        using var engine = EngineOf(fixture);
        using var single = EngineOf(fixture, threads: 1);
        var options = Sampled with { Temperature = temperature };
        var prompts = ManyPrompts(fixture);

        var together = engine.GenerateTokens(fixture.Weights, prompts, options);

        var alone = prompts.Select(prompt => single.GenerateTokens(fixture.Weights, [prompt], options)[0]).ToList();
        for (var i = 0; i < prompts.Count; i++) Assert.Equal(alone[i].Tokens, together[i].Tokens);
        Assert.True(
            together.Select(each => each.Tokens.Count).Distinct().Count() > 1 || model == "a",
            "sequences should leave at different times");
    }

    [Fact]
    public void GenerateTokens_CachedKeys_ChoosesWhatScoringFindsBest()
    {
        // The log-probability of a greedy token can only be its row's largest: scoring the continuation must find no better token anywhere.
        var fixture = EngineFixture.Load("a");
        using var engine = EngineOf(fixture);
        int[] prompt = [256, 5, 77, 130];
        var generated = engine.GenerateTokens(
            fixture.Weights, [new TokenizedPrompt("0", prompt)], new GenerationOptions { MaxTokens = 40 })[0].Tokens;
        for (var length = 1; length < generated.Count; length += 7)
        {
            int[] context = [.. prompt, .. generated.Take(length)];
            var rows = Enumerable.Range(0, fixture.Config.VocabSize)
                .Select(token => new TokenizedRecord($"{token}", [.. context, token], context.Length)).ToList();
            var scores = engine.ScoreTokens(fixture.Weights, null, rows).Select(score => score[0]).ToList();
            Assert.Equal(generated[length], scores.IndexOf(scores.Max()));
        }
    }

    [Fact]
    public void GenerateTokens_Seed_DecidesTheSample()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = EngineOf(fixture);
        var prompts = ManyPrompts(fixture).Take(3).ToList();
        var first = engine.GenerateTokens(fixture.Weights, prompts, Sampled).SelectMany(each => each.Tokens).ToList();
        Assert.Equal(first, engine.GenerateTokens(fixture.Weights, prompts, Sampled).SelectMany(each => each.Tokens));
        Assert.NotEqual(first, engine.GenerateTokens(fixture.Weights, prompts, Sampled with { Seed = 6 }).SelectMany(each => each.Tokens));
    }

    [Fact]
    public void GenerateTokens_ContextEnds_StopsThere()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = EngineOf(fixture);
        var prompt = fixture.Records[5].Tokens; // 90 of 128 tokens
        var generated = engine.GenerateTokens(fixture.Weights, [new TokenizedPrompt("0", prompt)],
            new GenerationOptions { MaxTokens = 500 })[0];
        Assert.Equal(StopReason.ContextLength, generated.StopReason);
        Assert.Equal(fixture.Config.MaxPositionEmbeddings - prompt.Length, generated.Tokens.Count);
    }

    [Fact]
    public void GenerateTokens_StopAfter_EndsOnePromptOnly()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = EngineOf(fixture);
        var prompts = ManyPrompts(fixture).Take(4).ToList();
        var options = new GenerationOptions { MaxTokens = 10 };
        var free = engine.GenerateTokens(fixture.Weights, prompts, options);
        var stopped = engine.GenerateTokens(fixture.Weights, prompts, options, (prompt, tokens) => prompt == 2 && tokens.Count == 3);
        for (var i = 0; i < prompts.Count; i++)
        {
            Assert.Equal(i == 2 ? StopReason.StopText : StopReason.MaxTokens, stopped[i].StopReason);
            Assert.Equal(free[i].Tokens.Take(i == 2 ? 3 : 10), stopped[i].Tokens);
        }
    }

    [Fact]
    public void GenerateTokens_PromptFillsContext_IsNamed()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = EngineOf(fixture);
        var error = Assert.Throws<ArgumentException>(
            () => engine.GenerateTokens(fixture.Weights, [new TokenizedPrompt("p9", new int[128])], new GenerationOptions()));
        Assert.Contains("'p9'", error.Message, StringComparison.Ordinal);
    }

    private static LlamaEngine EngineOf(EngineFixture fixture, int threads = 2) => new(fixture.Config, threads);

    // More than are active at a time, of many lengths.
    private static List<TokenizedPrompt> ManyPrompts(EngineFixture fixture) =>
        [.. Enumerable.Range(0, 60).Select(i => new TokenizedPrompt($"{i}", fixture.Records[i % 4].Tokens[..(1 + (i % 11))]))];
}
