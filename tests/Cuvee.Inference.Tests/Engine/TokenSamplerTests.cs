using Cuvee.Inference.Sampling;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Tests.Engine;

public class TokenSamplerTests
{
    private const int Draws = 40_000;
    private static readonly float[] Logits = [1.5f, -2, 0.3f, 2.1f, 0.3f, -0.7f, 1.9f];

    [Theory]
    [InlineData(1.0, 1.0, 0)]
    [InlineData(0.6, 1.0, 0)]
    [InlineData(1.0, 0.7, 0)]
    [InlineData(1.0, 1.0, 3)]
    [InlineData(1.3, 0.8, 5)]
    public void Next_ManyDraws_FollowsTheDefinition(double temperature, double topP, int topK)
    {
        var options = new GenerationOptions { Temperature = temperature, TopP = topP, TopK = topK };
        var expected = Definition(options);
        var sampler = new TokenSampler(options, Logits.Length);
        var random = new SeededRandom(3);
        var counts = new int[Logits.Length];
        for (var i = 0; i < Draws; i++) counts[sampler.Next([.. Logits], [], random)]++;
        for (var token = 0; token < counts.Length; token++)
        {
            // Five standard deviations of a binomial count; a token that may not be drawn must never be.
            var width = 5 * Math.Sqrt(Draws * expected[token] * (1 - expected[token]));
            Assert.InRange(counts[token], (Draws * expected[token]) - width, (Draws * expected[token]) + width);
        }
    }

    [Fact]
    public void Next_Greedy_TakesTheLowestOfEqualTokens()
    {
        var sampler = new TokenSampler(new GenerationOptions(), 4);
        Assert.Equal(1, sampler.Next([0, 2, 2, 1], [], new SeededRandom(1)));
    }

    [Theory]
    [InlineData(1.0, 3)]
    [InlineData(0.7, 0)]
    public void Next_EqualTokensAtTheCut_KeepsTheLowest(double topP, int topK)
    {
        var sampler = new TokenSampler(new GenerationOptions { Temperature = 1, TopP = topP, TopK = topK }, 4);
        var random = new SeededRandom(1);
        var drawn = new HashSet<int>();
        for (var i = 0; i < 200; i++) drawn.Add(sampler.Next([0, -0f, 0, -0f], [], random));
        Assert.Equal([0, 1, 2], drawn.Order());
    }

    [Fact]
    public void Next_RepetitionPenalty_DividesPositiveAndMultipliesNegativeLogits()
    {
        var sampler = new TokenSampler(new GenerationOptions { RepetitionPenalty = 2 }, 3);
        Assert.Equal(2, sampler.Next([3, -1, 1.6f], [true, false, false], new SeededRandom(1)));
        Assert.Equal(1, sampler.Next([-1, -1.5f, -3], [true, false, false], new SeededRandom(1)));
    }

    [Theory]
    [InlineData(-1, 1, 0, 1, "Temperature")]
    [InlineData(double.NaN, 1, 0, 1, "Temperature")]
    [InlineData(1, 0, 0, 1, "TopP")]
    [InlineData(1, 1.1, 0, 1, "TopP")]
    [InlineData(1, 1, -1, 1, "TopK")]
    [InlineData(1, 1, 0, 0, "RepetitionPenalty")]
    public void Check_SettingOutOfRange_IsNamed(double temperature, double topP, int topK, double penalty, string name)
    {
        var options = new GenerationOptions { Temperature = temperature, TopP = topP, TopK = topK, RepetitionPenalty = penalty };
        Assert.StartsWith(name, Assert.Throws<ArgumentException>(() => TokenSampler.Check(options)).Message, StringComparison.Ordinal);
    }

    // Sorts everything, keeps what the options allow, normalises.
    private static double[] Definition(GenerationOptions options)
    {
        var order = Enumerable.Range(0, Logits.Length).OrderByDescending(i => Logits[i]).ThenBy(i => i).ToList();
        if (options.TopK > 0) order = order[..Math.Min(options.TopK, order.Count)];
        var weights = order.Select(i => Math.Exp(Logits[i] / options.Temperature)).ToList();
        var total = weights.Sum();
        var kept = 0;
        for (double sum = 0; kept < order.Count && sum < options.TopP * total - 1e-12;) sum += weights[kept++];
        var result = new double[Logits.Length];
        for (var i = 0; i < kept; i++) result[order[i]] = weights[i] / weights.Take(kept).Sum();
        return result;
    }
}
