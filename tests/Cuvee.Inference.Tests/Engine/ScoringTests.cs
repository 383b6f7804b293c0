using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Xunit.Abstractions;

namespace Cuvee.Inference.Tests.Engine;

/// <summary>The largest difference to PyTorch of each case is written to the test's output; docs/models.md has it.</summary>
public class ScoringTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var model in EngineFixture.All)
            foreach (var name in EngineFixture.Load(model).Expected.Cases.Select(each => each.Name)) data.Add(model, name);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ScoreTokens_PyTorchFixture_AgreesPerToken(string model, string caseName)
    {
        var fixture = EngineFixture.Load(model);
        var expected = fixture.Expected.Cases.Single(each => each.Name == caseName);
        using var engine = new LlamaEngine(fixture.Config, threads: 2);

        var scores = engine.ScoreTokens(fixture.Merge(expected.Recipe), null, fixture.Records);

        for (var i = 0; i < scores.Count; i++)
        {
            Assert.Equal(expected.Logprobs[i].Length, scores[i].Length);
            for (var t = 0; t < scores[i].Length; t++) AssertClose(expected.Logprobs[i][t], scores[i][t]);
            AssertClose(expected.Logprobs[i].Sum(), scores[i].Sum(score => (double)score));
        }

        var tokens = expected.Logprobs.Zip(scores, (wanted, found) => wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max()).Max();
        var records = expected.Logprobs.Zip(scores, (wanted, found) => Math.Abs(wanted.Sum() - found.Sum(score => (double)score)) /
            Math.Max(1, Math.Abs(wanted.Sum()))).Max();
        output.WriteLine($"{model} {caseName}: largest difference of a token {tokens:E1} nats, of a record {records:E1} of its value");
    }

    [Theory]
    [MemberData(nameof(EngineFixture.Models), MemberType = typeof(EngineFixture))]
    public void Model_WrittenAndReadBack_SameBits(string model)
    {
        var fixture = EngineFixture.Load(model);
        var folder = Directory.CreateTempSubdirectory("cuvee-model-");
        try
        {
            HuggingFaceModelWriter.Write(folder.FullName, fixture.Config, fixture.Weights.ToTensors(), TensorType.F32);
            var config = HuggingFaceModelReader.ReadConfig(folder.FullName);
            var weights = LlamaWeights.FromTensors(config, HuggingFaceModelReader.ReadWeights(folder.FullName, config));
            Assert.Equal(Scores(fixture.Config, fixture.Weights, fixture), Scores(config, weights, fixture));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Features_OfFurtherFamilies_Matter()
    {
        var (qwen2, qwen3, llama3, mistral) =
            (EngineFixture.Load("qwen2"), EngineFixture.Load("qwen3"), EngineFixture.Load("llama3"), EngineFixture.Load("mistral"));
        Differ(mistral, mistral.Config with { SlidingWindow = null }, mistral.Weights);
        Differ(mistral, mistral.Config with { RopeScaling = null }, mistral.Weights);
        Differ(llama3, llama3.Config with { RopeScaling = null }, llama3.Weights);
        foreach (var fixture in (EngineFixture[])[qwen2, llama3])
            Differ(fixture, fixture.Config, Changed(fixture, layer => (layer.Norms, new float[]?[7])));
        Differ(qwen3, qwen3.Config, Changed(qwen3, layer => ([.. layer.Norms.Take(2)], layer.Biases)));

        static LlamaWeights Changed(
            EngineFixture fixture, Func<LlamaLayerWeights, (IReadOnlyList<float[]> Norms, IReadOnlyList<float[]?> Biases)> change) => new()
            {
                Config = fixture.Config,
                EmbedTokens = fixture.Weights.EmbedTokens,
                Norm = fixture.Weights.Norm,
                LmHead = fixture.Weights.LmHead,
                Layers = [.. fixture.Weights.Layers.Select(layer => new LlamaLayerWeights
                {
                    Linears = layer.Linears,
                    Norms = change(layer).Norms,
                    Biases = change(layer).Biases,
                })],
            };

        static void Differ(EngineFixture fixture, LlamaConfig config, LlamaWeights weights) => Assert.True(
            Math.Abs(Scores(fixture.Config, fixture.Weights, fixture)[5].Sum() - Scores(config, weights, fixture)[5].Sum()) > 0.1);
    }

    private static IReadOnlyList<float[]> Scores(LlamaConfig config, LlamaWeights weights, EngineFixture fixture)
    {
        using var engine = new LlamaEngine(config, threads: 2);
        return engine.ScoreTokens(weights, null, fixture.Records);
    }

    [Theory]
    [MemberData(nameof(EngineFixture.Models), MemberType = typeof(EngineFixture))]
    public void ScoreTokens_OneByOneOrTogether_SameBits(string model)
    {
        var fixture = EngineFixture.Load(model);
        using var engine = new LlamaEngine(fixture.Config, threads: 2);
        IReadOnlyList<float[]> Score(IReadOnlyList<TokenizedRecord> records) => engine.ScoreTokens(fixture.Weights, null, records);
        var shared = fixture.Records.Where(record => record.ScoredFrom >= 10).Take(4).ToList(); // a common prefix of 9 tokens

        var together = Score(fixture.Records);
        var reversed = Score([.. fixture.Records.Reverse()]);
        var many = Score([.. Enumerable.Repeat(fixture.Records, 7).SelectMany(records => records)]);
        var withPrefix = Score(shared);

        for (var i = 0; i < together.Count; i++)
        {
            var alone = Score([fixture.Records[i]])[0];
            Assert.Equal(alone, together[i]);
            Assert.Equal(alone, reversed[^(i + 1)]);
            for (var copy = 0; copy < 7; copy++) Assert.Equal(alone, many[(copy * together.Count) + i]);
        }

        Assert.True(shared.Count > 2 && shared.All(record => record.Tokens.AsSpan(0, 9).SequenceEqual(shared[0].Tokens.AsSpan(0, 9))));
        for (var i = 0; i < shared.Count; i++) Assert.Equal(Score([shared[i]])[0], withPrefix[i]);
    }

    [Fact]
    public void ScoreTokens_AnyThreadCount_SameBits()
    {
        var fixture = EngineFixture.Load("a");
        var records = Enumerable.Repeat(fixture.Records, 5).SelectMany(each => each).ToList();
        var results = new[] { 1, 2, 3 }.Select(threads =>
        {
            using var engine = new LlamaEngine(fixture.Config, threads);
            return engine.ScoreTokens(fixture.Weights, null, records);
        }).ToList();

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void ScoreTokens_AnySliceSize_SameBits()
    {
        var fixture = EngineFixture.Load("a");
        var records = Enumerable.Repeat(fixture.Records.Where(record => record.ScoredFrom >= 10), 5).SelectMany(each => each).ToList();
        var results = new[] { 1L, 40_000, long.MaxValue }.Select(bytes =>
        {
            using var engine = new LlamaEngine(fixture.Config, 2, bytes);
            return engine.ScoreTokens(fixture.Weights, null, records);
        }).ToList();

        Assert.Equal(results[2], results[0]);
        Assert.Equal(results[2], results[1]);
    }

    [Fact]
    public void ScoreTokens_UpdateFails_ThrowsAndGoesOn()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = new LlamaEngine(fixture.Config, threads: 3);
        var expected = engine.ScoreTokens(fixture.Weights, null, fixture.Records);

        Assert.Throws<InvalidOperationException>(() => engine.ScoreTokens(fixture.Weights, new FailingUpdate(), fixture.Records));

        Assert.Equal(expected, engine.ScoreTokens(fixture.Weights, null, fixture.Records));
    }

    private sealed class FailingUpdate : ILinearUpdate
    {
        public bool Adapts(int layer, int linear) => true;

        public void Prepare(int layer, int linear)
        {
            if (layer == 1) throw new InvalidOperationException();
        }

        public void AddRows(int linear, int firstRow, Span<float> rows)
        {
        }
    }

    [Fact]
    public void ScoreTokens_Cancelled_Throws()
    {
        var fixture = EngineFixture.Load("a");
        using var engine = new LlamaEngine(fixture.Config, threads: 2);
        Assert.Throws<OperationCanceledException>(
            () => engine.ScoreTokens(fixture.Weights, null, fixture.Records, new CancellationToken(canceled: true)));
        Assert.Equal(fixture.Records.Count, engine.ScoreTokens(fixture.Weights, null, fixture.Records).Count);
    }

    [Theory]
    [InlineData(0, 5, "scores from token 0")]
    [InlineData(5, 5, "scores from token 5")]
    [InlineData(3, 200, "context of 128")]
    public void ScoreTokens_ImpossibleRecord_IsNamed(int scoredFrom, int length, string reason)
    {
        var fixture = EngineFixture.Load("a");
        using var engine = new LlamaEngine(fixture.Config, threads: 1);
        var error = Assert.Throws<ArgumentException>(
            () => engine.ScoreTokens(fixture.Weights, null, [new TokenizedRecord("r7", new int[length], scoredFrom)]));
        Assert.Contains("'r7'", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static void AssertClose(double expected, double actual) =>
        Assert.InRange(actual, expected - Tolerance(expected), expected + Tolerance(expected));

    private static double Tolerance(double value) => 2e-5 * Math.Max(1, Math.Abs(value));
}
