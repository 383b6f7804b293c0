using Cuvee.Formats.Gguf;
using Cuvee.Inference.Tests.Engine;
using Cuvee.Numerics;
using Cuvee.Tests.LlamaCpp;

namespace Cuvee.Inference.Tests.LlamaCpp;

/// <summary>
/// Exported models and adapters of every architecture in the real llama.cpp, against what PyTorch computed for the same weights: rows of
/// queries and keys, biases, norms, rotary scaling and the adapter's scaling all show in the log-probabilities.
/// </summary>
[Trait("Lane", "llama.cpp")]
public sealed class LlamaServerTests : IDisposable
{
    private const double Tolerance = 1e-3; // nats a token

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-llama-").FullName;

    [LlamaServerTheory]
    [InlineData("a", "one")]
    [InlineData("b", "left")]
    [InlineData("llama3", "one")]
    [InlineData("mistral", "one")]
    [InlineData("qwen3", "one")]
    public async Task Export_EveryArchitecture_ScoresAsPyTorch(string name, string adapter)
    {
        var fixture = EngineFixture.Load(name);
        var (model, lora) = (Path.Combine(folder, "model.gguf"), Path.Combine(folder, "adapter.gguf"));
        GgufFixtures.Write(fixture, model, StorageFormat.F32);
        GgufAdapterWriter.Write(lora, fixture.Adapter(adapter), fixture.Config, StorageFormat.F32);
        await using var server = await LlamaServer.StartAsync(model, lora);
        var compared = 0;
        foreach (var (kind, scale) in ((string, double)[])[("base", 0), ("adapter", 1)])
        {
            var expected = fixture.Expected.Cases.Single(each => each.Name == kind);
            for (var i = 0; i < fixture.Records.Count; i++)
            {
                var record = fixture.Records[i];
                // A grammar holds no end of sequence; a sliding window is full attention only as far as it reaches.
                var scored = record.Tokens[record.ScoredFrom..];
                if (scored.Any(fixture.Config.EosTokenIds.Contains) || record.Tokens.Length > (fixture.Config.SlidingWindow ?? int.MaxValue)) continue;
                var (actual, _) = await server.ScoreAsync(record.Tokens[..record.ScoredFrom], scored, scale);
                for (var t = 0; t < scored.Length; t++) Assert.Equal(expected.Logprobs[i][t], actual[t], Tolerance);
                compared++;
            }
        }

        Assert.True(compared >= 4, $"only {compared} records were compared");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
