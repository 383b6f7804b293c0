using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Inference.Tests.Tokenization;

/// <summary>
/// The models of <c>tests/fixtures/sentencepiece</c> and their expectations are SentencePiece's own (<c>generate.py</c> there).
/// </summary>
public sealed class SentencePieceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures", "sentencepiece");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama.model")]
    [InlineData("gemma.model")]
    [InlineData("plain.model")]
    public void EncodeAndDecode_TrainedModel_EqualSentencePiece(string name)
    {
        var tokenizer = Open(File.ReadAllBytes(Path.Combine(Fixtures, name)));
        var texts = TokenizerFixtures.Texts();
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Fixtures, "expected.json")));
        var differences = new List<string>();
        var compared = 0;
        foreach (var (text, wanted) in texts.Zip(expected.RootElement.GetProperty(name).EnumerateArray()))
        {
            // SentencePiece itself takes no special token from a text.
            if (((string[])["<unk>", "<s>", "</s>", "<|turn|>"]).Any(token => text.Contains(token, StringComparison.Ordinal))) continue;
            int[] ids = [.. wanted.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            compared++;
            if (!ids.SequenceEqual(tokenizer.Encode(text, addSpecialTokens: false)))
                differences.Add($"ids of {JsonSerializer.Serialize(text)}");
            // The unknown token, 0, it spells " ⁇ "; Hugging Face's library, which we follow, skips it as special.
            if (!ids.Contains(0) && tokenizer.Decode(ids) != wanted.GetProperty("decoded").GetString())
                differences.Add($"text of {JsonSerializer.Serialize(text)}: {JsonSerializer.Serialize(tokenizer.Decode(ids))}");
        }

        Assert.Equal("", string.Join('\n', differences));
        Assert.InRange(compared, texts.Length - 5, texts.Length);
    }

    [VocabularyTheory]
    [InlineData("llama2")]
    public void Encode_RealVocabularyAsModel_EqualsItsTokenizerJson(string family)
    {
        File.Copy(
            Path.Combine(Path.GetDirectoryName(TokenizerFixtures.VocabularyPath(family))!, "tokenizer_config.json"),
            Path.Combine(folder.Path, "tokenizer_config.json"));
        var tokenizer = Open(AsModel(TokenizerFixtures.VocabularyPath(family)!));

        RealLines.AssertEqual(tokenizer, family);
    }

    [Fact]
    public void Encode_Scores_BestPairIsMergedFirst()
    {
        var tokenizer = Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray());

        Assert.Equal([1, 3, 7], tokenizer.Encode("ab", addSpecialTokens: true)); // ▁ ab, not ▁a b
        Assert.Equal([1, 6], tokenizer.Encode("a", addSpecialTokens: true));
        Assert.Equal([6, 0, 6], tokenizer.Encode("axy a", addSpecialTokens: false)); // neighbours that are unknown are one
    }

    [Theory]
    [InlineData("{\"add_bos_token\": false, \"add_eos_token\": true}", new[] { 3, 7, 2 })]
    [InlineData("{\"bos_token\": {\"content\": \"</s>\"}}", new[] { 2, 3, 7 })]
    [InlineData("{\"add_prefix_space\": false}", new[] { 1, 7 })]
    public void Encode_TokenizerConfig_DecidesWhatStandsAround(string config, int[] expected)
    {
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"), config);

        Assert.Equal(expected, Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray()).Encode("ab", addSpecialTokens: true));
    }

    [Theory]
    [InlineData("true", new[] { 1, 3, 7, 2, 3, 7 })]
    [InlineData("false", new[] { 1, 3, 7, 2, 7 })]
    public void Encode_Legacy_DecidesAboutMarksBehindTokens(string legacy, int[] expected)
    {
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"), $"{{\"legacy\": {legacy}}}");

        Assert.Equal(expected, Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray()).Encode("ab</s>ab", addSpecialTokens: true));
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{\"added_tokens_decoder\": {\"8\": {\"content\": \"<|end|>\", \"special\": true}}}")]
    [InlineData("added_tokens.json", "{\"<|end|>\": 8}")]
    public void Encode_AddedTokens_ComeFromTheFilesBeside(string file, string content)
    {
        File.WriteAllText(Path.Combine(folder.Path, file), content);

        var tokenizer = Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray());

        Assert.Equal([6, 8], tokenizer.Encode("a<|end|>", addSpecialTokens: false));
        Assert.Equal(9, tokenizer.VocabSize);
    }

    [Fact]
    public void Encode_UserDefinedPiece_IsFoundBehindTheMarkAndNeverMerged()
    {
        var tokenizer = Open(SentencePieceBytes.Tiny().Piece("a::", 0, SentencePieceBytes.UserDefined).Trainer().Normalizer().ToArray());

        Assert.Equal([3, 8, 7], tokenizer.Encode("a::ab", addSpecialTokens: false));
        Assert.Equal("a::ab", tokenizer.Decode([3, 8, 7]));
    }

    [Theory]
    [InlineData(true, "a", new[] { 4 })] // no second mark
    [InlineData(true, " a", new[] { 6 })] // and no space less
    [InlineData(false, " ab", new[] { 3, 7 })]
    [InlineData(false, "  ab ", new[] { 3, 7 })] // extra spaces removed
    public void EncodeContinuation_SentencePiece_HasTheSpacesOfTheText(bool keepsSpaces, string text, int[] expected)
    {
        var tokenizer = Open(SentencePieceBytes.Tiny().Trainer().Normalizer(removesSpaces: !keepsSpaces).ToArray());

        Assert.Equal(expected, tokenizer.EncodeContinuation(text));
        if (keepsSpaces) Assert.Equal(text, tokenizer.DecodeContinuation(expected));
    }

    [Fact]
    public void Open_BothFiles_TakesTokenizerJson()
    {
        File.Copy(TokenizerFixtures.PathOf("small.tokenizer.json"), Path.Combine(folder.Path, "tokenizer.json"));

        Assert.Equal(400, Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray()).VocabSize);
    }

    [Fact]
    public void Open_NeitherFile_NamesBoth() => Assert.Equal(
        $"{folder.Path}: holds neither tokenizer.json nor tokenizer.model; add the one that came with the model.",
        Assert.Throws<BadInputException>(() => Tokenizer.Open(folder.Path)).Message);

    public static TheoryData<string, byte[], string> Refusals => new()
    {
        { "unigram", Tiny().Trainer(modelType: 1).ToArray(), "'model_type' is Unigram; only BPE is supported" },
        { "no trainer_spec", Tiny().Normalizer().ToArray(), "'model_type' is Unigram; only BPE is supported" },
        { "character model", Tiny().Trainer(modelType: 4).ToArray(), "'model_type' is Char; only BPE is supported" },
        {
            "normalizer", Tiny().Trainer().Normalizer(map: [1, 2], name: "nmt_nfkc").ToArray(),
            "normalizer 'nmt_nfkc' is not supported, only identity is; use the model's tokenizer.json"
        },
        {
            "tiktoken", "IQ== 0\nIg== 1\n"u8.ToArray(),
            "is a tiktoken vocabulary, not a SentencePiece model; use the model's tokenizer.json"
        },
        { "no protobuf", "<html>\n"u8.ToArray(), "is no SentencePiece model (" },
        { "cut off", Tiny().Trainer().ToArray()[..^1], "is no SentencePiece model (it ends before its time)" },
        { "empty", [], "'model_type' is Unigram" },
        { "no pieces", new SentencePieceBytes().Trainer().ToArray(), "has no piece" },
        { "twice", Tiny().Piece("ab").Trainer().ToArray(), "piece 8 repeats 'ab'" },
        { "no score", Tiny().Piece("ba", float.NaN).Trainer().ToArray(), "piece 8, 'ba', has a score that is no number" },
        { "unused", Tiny().Piece("ba", 0, type: 5).Trainer().ToArray(), "piece 8, 'ba', has the type unused, which is not supported" },
        { "type", Tiny().Piece("ba", 0, type: 9).Trainer().ToArray(), "piece 8, 'ba', has the type 9, which is not supported" },
        { "empty piece", Tiny().Piece("").Trainer().ToArray(), "piece 8 has 0 characters instead of 1 to 512" },
        { "long piece", Tiny().Piece(new string('a', 513)).Trainer().ToArray(), "piece 8 has 513 characters instead of 1 to 512" },
        { "no character", Tiny().Piece("ax").Trainer().ToArray(), "piece 8, 'ax', holds the character 'x', which is no piece" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Open_ModelThatIsNotSupported_IsRefusedByName(string what, byte[] model, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => Open(model));

        var start = $"{Path.Combine(folder.Path, "tokenizer.model")}: {expected}";
        Assert.True(error.Message.StartsWith(start, StringComparison.Ordinal), $"{what}: {error.Message}");
    }

    [Theory]
    [InlineData("{\"bos_token\": \"<begin>\"}", "has no token '<begin>', which is to stand before or behind every text")]
    [InlineData("{\"added_tokens_decoder\": {\"7\": {\"content\": \"x\"}}}", "does not give the id 7 to 'x', as ")]
    [InlineData("{\"added_tokens_decoder\": {\"9\": {\"content\": \"ab\"}}}", "does not give the id 9 to 'ab', as ")]
    public void Open_SettingsOfAnotherModel_AreRefused(string config, string expected)
    {
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"), config);

        var error = Assert.Throws<BadInputException>(() => Open(SentencePieceBytes.Tiny().Trainer().Normalizer().ToArray()));

        Assert.Contains($"tokenizer.model: {expected}", error.Message, StringComparison.Ordinal);
    }

    private static SentencePieceBytes Tiny() => SentencePieceBytes.Tiny();

    private Tokenizer Open(byte[] model)
    {
        File.WriteAllBytes(Path.Combine(folder.Path, "tokenizer.model"), model);
        return Tokenizer.Open(folder.Path);
    }

    /// <summary>A piece's score falls with the place of its first merge; <c>generate.py</c> lets SentencePiece confirm the rule.</summary>
    private static byte[] AsModel(string tokenizerJson)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(tokenizerJson));
        var model = json.RootElement.GetProperty("model");
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            places.TryAdd(
                merge.ValueKind == JsonValueKind.String
                    ? merge.GetString()!.Replace(" ", "", StringComparison.Ordinal)
                    : merge[0].GetString() + merge[1].GetString(),
                places.Count);
        }

        var bytes = new SentencePieceBytes();
        foreach (var piece in model.GetProperty("vocab").EnumerateObject().OrderBy(piece => piece.Value.GetInt32()))
        {
            var type = piece.Name switch
            {
                "<unk>" => SentencePieceBytes.Unknown,
                "<s>" or "</s>" => SentencePieceBytes.Control,
                ['<', '0', 'x', _, _, '>'] => SentencePieceBytes.Byte,
                _ => SentencePieceBytes.Normal,
            };
            bytes.Piece(piece.Name, -places.GetValueOrDefault(piece.Name), type);
        }

        return bytes.Trainer(byteFallback: true).Normalizer().ToArray();
    }
}
