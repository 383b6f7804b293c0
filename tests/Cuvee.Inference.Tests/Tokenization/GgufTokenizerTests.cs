using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.Inference.Tokenization.Gguf;

namespace Cuvee.Inference.Tests.Tokenization;

public sealed class GgufTokenizerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-gguf-").FullName;

    private string FilePath => Path.Combine(folder, "model.gguf");

    /// <summary>llama.cpp's keys alone, without Hugging Face's file inside.</summary>
    [VocabularyTheory]
    [InlineData("llama3", "gpt2", "llama-bpe")]
    [InlineData("qwen3", "gpt2", "qwen2")]
    [InlineData("llama2", "llama", "default")]
    public void Read_RealVocabularyFromItsKeys_EncodesAsHuggingFace(string family, string model, string pre)
    {
        var path = TokenizerFixtures.VocabularyPath(family)!;
        var original = Tokenizer.Load(path);
        var metadata = Keys(path, original, out var warnings);
        Assert.Empty(warnings);
        Assert.Equal((model, pre), (metadata.FindText(GgufKeys.Tokenizer), metadata.FindText(GgufKeys.PreTokenizer)));
        var rebuilt = Save(metadata, keepsFile: false);
        var expected = TokenizerFixtures.Expected(family);
        var texts = TokenizerFixtures.Texts();
        var compared = 0;
        for (var i = 0; i < texts.Length; i++)
        {
            if (expected[i] is not { } wanted) continue;
            Assert.Equal(wanted.Plain, rebuilt.Encode(texts[i], addSpecialTokens: false));
            Assert.Equal(wanted.Ids, rebuilt.Encode(texts[i], addSpecialTokens: true));
            Assert.Equal(wanted.Decoded, rebuilt.Decode(wanted.Ids));
            compared++;
        }

        Assert.True(compared > 20);
    }

    /// <summary>The models that SentencePiece itself trained; <see cref="SentencePieceTests"/> compares the original with it.</summary>
    [Fact]
    public void Read_SentencePieceModelFromItsKeys_EncodesAsTheModel()
    {
        File.Copy(Path.Combine(AppContext.BaseDirectory, "fixtures", "sentencepiece", "llama.model"), Path.Combine(folder, "tokenizer.model"));
        var original = Tokenizer.Open(folder);
        var metadata = new GgufMetadata("x");
        GgufSentencePieceWriter.Write(folder, Config(original.VocabSize + 2) with { BosTokenId = original.IdOf("<s>") }, metadata);
        var rebuilt = Save(metadata, keepsFile: true);
        foreach (var text in TokenizerFixtures.Texts())
        {
            var ids = original.Encode(text, addSpecialTokens: true);
            Assert.Equal(ids, rebuilt.Encode(text, addSpecialTokens: true));
            Assert.Equal(original.Decode(ids), rebuilt.Decode(ids));
        }
    }

    [Fact]
    public void Read_FileInside_IsTakenAsItStands()
    {
        var path = TokenizerFixtures.PathOf("small.tokenizer.json");
        var original = Tokenizer.Load(path);
        var metadata = Keys(path, original, out var warnings);
        Assert.Contains("no name for its 'pre_tokenizer'", Assert.Single(warnings), StringComparison.Ordinal);
        var read = Save(metadata, keepsFile: true);
        read.Save(Path.Combine(folder, "copy.json"));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(folder, "copy.json")));
    }

    [Theory]
    [InlineData("gpt2", "tekken", "tokenizer.ggml.pre")]
    [InlineData("gpt2", null, "tokenizer.ggml.pre")]
    [InlineData("t5", "default", "tokenizer.ggml.model")]
    public void Read_UnknownKind_NamesTheFileToPutBesideIt(string model, string? pre, string key)
    {
        var metadata = new GgufMetadata("x");
        metadata.Add(GgufKeys.Tokenizer, model);
        if (pre is not null) metadata.Add(GgufKeys.PreTokenizer, pre);
        metadata.Add(GgufKeys.Tokens, ["a", "b"]);
        GgufWriter.Write(FilePath, metadata, []);
        var message = Assert.Throws<BadInputException>(() => GgufTokenizerReader.Read(GgufReader.Open(FilePath))).Message;
        Assert.StartsWith(FilePath, message, StringComparison.Ordinal);
        Assert.Contains($"'{key}'", message, StringComparison.Ordinal);
        Assert.Contains("put the model's tokenizer.json beside the file", message, StringComparison.Ordinal);
        File.Copy(TokenizerFixtures.PathOf("small.tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        Assert.True(GgufTokenizerReader.Read(GgufReader.Open(FilePath)).VocabSize > 200);
    }

    [Theory]
    [InlineData(GgufKeys.TokenTypes, "for 2 tokens")]
    [InlineData(GgufKeys.Merges, "not two tokens")]
    public void Read_BrokenKeys_AreNamed(string key, string named)
    {
        var metadata = new GgufMetadata("x");
        metadata.Add(GgufKeys.Tokenizer, "gpt2");
        metadata.Add(GgufKeys.PreTokenizer, "gpt-2");
        metadata.Add(GgufKeys.Tokens, ["a", "b"]);
        metadata.Add(GgufKeys.TokenTypes, key == GgufKeys.TokenTypes ? (int[])[1] : [1, 1]);
        metadata.Add(GgufKeys.Merges, ["a b c"]);
        GgufWriter.Write(FilePath, metadata, []);
        var message = Assert.Throws<BadInputException>(() => GgufTokenizerReader.Read(GgufReader.Open(FilePath))).Message;
        Assert.Contains($"'{key}'", message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_WordPieceOrUnigram_IsRefused()
    {
        var json = JsonNode.Parse(File.ReadAllBytes(TokenizerFixtures.PathOf("small.tokenizer.json")))!;
        json["pre_tokenizer"] = null;
        var path = Path.Combine(folder, "tokenizer.json");
        File.WriteAllText(path, json.ToJsonString(), new UTF8Encoding(false));
        Assert.Contains("'pre_tokenizer'", Assert.Throws<BadInputException>(
            () => GgufTokenizerWriter.Write(path, Config(300), new GgufMetadata("x"), _ => { })).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static GgufMetadata Keys(string path, Tokenizer tokenizer, out List<string> warnings)
    {
        var metadata = new GgufMetadata("x");
        warnings = [];
        var bos = tokenizer.Encode("", addSpecialTokens: true) is [var first, ..] ? first : default(int?);
        GgufTokenizerWriter.Write(path, Config(tokenizer.VocabSize + 3) with { BosTokenId = bos }, metadata, warnings.Add);
        return metadata;
    }

    private Tokenizer Save(GgufMetadata metadata, bool keepsFile)
    {
        GgufWriter.Write(FilePath, metadata, []);
        if (keepsFile) return GgufTokenizerReader.Read(GgufReader.Open(FilePath));
        // The same keys under another name for the whole file.
        var bytes = File.ReadAllBytes(FilePath);
        var at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(GgufKeys.HuggingFaceTokenizer));
        bytes[at] = (byte)'x';
        File.WriteAllBytes(FilePath, bytes);
        return GgufTokenizerReader.Read(GgufReader.Open(FilePath));
    }

    private static LlamaConfig Config(int vocabulary) => new()
    {
        HiddenSize = 4,
        IntermediateSize = 4,
        NumHiddenLayers = 1,
        NumAttentionHeads = 1,
        NumKeyValueHeads = 1,
        HeadDim = 4,
        VocabSize = vocabulary,
        MaxPositionEmbeddings = 16,
        EosTokenIds = [1],
    };
}
