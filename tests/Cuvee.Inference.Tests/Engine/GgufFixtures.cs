using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Tests.Engine;

/// <summary>Fixtures as GGUF files, with a vocabulary of invented words: their tokens are ids only.</summary>
internal static class GgufFixtures
{
    public static void Write(EngineFixture fixture, string path, StorageFormat format) => GgufModelWriter.Write(
        path, "fixture", fixture.Config, metadata => AddTokens(metadata, fixture.Config),
        HuggingFaceModelReader.ReadWeights(fixture.Folder, fixture.Config), format);

    private static void AddTokens(GgufMetadata metadata, LlamaConfig config)
    {
        metadata.Add(GgufKeys.Tokenizer, "gpt2");
        metadata.Add(GgufKeys.PreTokenizer, "gpt-2");
        metadata.Add(GgufKeys.Tokens, [.. Enumerable.Range(0, config.VocabSize).Select(id => $"t{id}")]);
        metadata.Add(GgufKeys.TokenTypes, [.. Enumerable.Range(0, config.VocabSize).Select(id => config.EosTokenIds.Contains(id) ? 3 : 1)]);
        metadata.Add(GgufKeys.Merges, ["t 1"]);
        metadata.Add(GgufKeys.Eos, (uint)config.EosTokenIds[0]);
        metadata.Add(GgufKeys.AddBos, false);
    }
}
