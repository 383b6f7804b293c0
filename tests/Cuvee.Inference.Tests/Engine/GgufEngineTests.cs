using Cuvee.Formats.Gguf;
using Cuvee.Numerics;

namespace Cuvee.Inference.Tests.Engine;

/// <summary>Fixtures through a GGUF file, against PyTorch's expectations for the original weights.</summary>
public sealed class GgufEngineTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"cuvee-{Guid.NewGuid():N}.gguf");

    [Theory]
    [InlineData("a", StorageFormat.F32, 1e-4)]
    [InlineData("b", StorageFormat.F32, 1e-4)]
    [InlineData("llama3", StorageFormat.F32, 1e-4)]
    [InlineData("mistral", StorageFormat.F32, 1e-4)]
    [InlineData("qwen3", StorageFormat.F16, 1e-4)] // the fixture is fp16
    [InlineData("a", StorageFormat.BF16, 0.05)]
    [InlineData("llama3", StorageFormat.F16, 0.01)]
    [InlineData("a", StorageFormat.Q80, 0.05)]
    public void ScoreTokens_WeightsOutOfGguf_EqualPyTorch(string name, StorageFormat format, double tolerance)
    {
        var fixture = EngineFixture.Load(name);
        GgufFixtures.Write(fixture, path, format);
        var file = GgufReader.Open(path);
        var config = GgufModelReader.ReadConfig(file);
        var weights = LlamaWeights.FromTensors(config, GgufModelReader.ReadWeights(file, config));
        using var engine = new LlamaEngine(config, 1);
        var fitting = fixture.Records.Where(record => record.Tokens.Length <= config.MaxPositionEmbeddings).ToList();
        var scores = engine.ScoreTokens(weights, null, fitting);
        var expected = fixture.Expected.Cases.Single(each => each.Name == "base").Logprobs;
        Assert.True(fitting.Count >= 2);
        for (var i = 0; i < fitting.Count; i++)
        {
            var wanted = expected[fixture.Records.ToList().IndexOf(fitting[i])];
            for (var t = 0; t < wanted.Length; t++) Assert.Equal(wanted[t], scores[i][t], tolerance * Math.Max(1, Math.Abs(wanted[t])));
        }
    }

    public void Dispose() => File.Delete(path);
}
