using System.Text.Json;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Inference.Tests.Tokenization;

public class HuggingFaceOracleTests
{
    [VocabularyTheory]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    [InlineData("gemma3")]
    [InlineData("llama2")]
    public void EncodeAndDecode_RealVocabulary_EqualHuggingFace(string family) =>
        AssertEqualsExpected(Tokenizer.Load(TokenizerFixtures.VocabularyPath(family)!), family);

    [Theory]
    [InlineData("small.tokenizer.json")]
    [InlineData("variant.tokenizer.json")]
    public void EncodeAndDecode_OwnVocabulary_EqualHuggingFace(string file) =>
        AssertEqualsExpected(Tokenizer.Load(TokenizerFixtures.PathOf(file)), file);

    private static void AssertEqualsExpected(Tokenizer tokenizer, string name)
    {
        var texts = TokenizerFixtures.Texts();
        var expected = TokenizerFixtures.Expected(name);
        Assert.Equal(texts.Length, expected.Length);
        Assert.InRange(expected.Count(item => item is null), 0, 3);
        var differences = new List<string>();
        for (var i = 0; i < texts.Length; i++)
        {
            if (expected[i] is not { } wantedCase)
                continue;
            Compare("ids", Join(wantedCase.Ids), Join(tokenizer.Encode(texts[i], addSpecialTokens: true)));
            Compare("plain ids", Join(wantedCase.Plain), Join(tokenizer.Encode(texts[i], addSpecialTokens: false)));
            Compare("text", JsonSerializer.Serialize(wantedCase.Decoded), JsonSerializer.Serialize(tokenizer.Decode(wantedCase.Ids)));

            void Compare(string what, string wanted, string actual)
            {
                if (wanted != actual)
                    differences.Add($"{what} of {JsonSerializer.Serialize(texts[i])}:\n  expected {wanted}\n  actual   {actual}");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static string Join(IReadOnlyList<int> ids) => string.Join(' ', ids);
}
