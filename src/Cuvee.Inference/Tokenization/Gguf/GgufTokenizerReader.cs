using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Json;

namespace Cuvee.Inference.Tokenization.Gguf;

/// <summary>The tokenizer of a GGUF file as a <c>tokenizer.json</c>, which <see cref="Tokenizer"/> then reads.</summary>
internal sealed class GgufTokenizerReader
{
    private readonly GgufMetadata metadata;
    private readonly string[] tokens;
    private readonly int[] types; // GgufTokenType

    private GgufTokenizerReader(GgufMetadata metadata)
    {
        this.metadata = metadata;
        tokens = metadata.FindTexts(GgufKeys.Tokens) ?? throw metadata.Error(GgufKeys.Tokens, "is missing");
        types = metadata.FindIntegers(GgufKeys.TokenTypes) ?? [.. tokens.Select(_ => (int)GgufTokenType.Normal)];
        if (types.Length != tokens.Length || tokens.Length is 0 or > TokenId.Largest)
            throw metadata.Error(GgufKeys.TokenTypes, $"has {types.Length} entries for {tokens.Length} tokens");
    }

    /// <summary>
    /// What the file holds of Hugging Face's own, else the <c>tokenizer.json</c> beside it, else one made from llama.cpp's keys.
    /// </summary>
    /// <exception cref="BadInputException">The tokenizer is of a kind that cannot be rebuilt, or its keys are broken.</exception>
    public static Tokenizer Read(GgufReader file)
    {
        if (file.Metadata.FindText(GgufKeys.HuggingFaceTokenizer) is { } json) return Tokenizer.Parse(Encoding.UTF8.GetBytes(json),
            file.Path);
        return FileBeside(file) is { } beside
            ? Tokenizer.Parse(JsonFile.ReadBytes(beside, TokenizerJsonReader.Kind), beside)
            : Tokenizer.Parse(new GgufTokenizerReader(file.Metadata).ToJson(), file.Path);
    }

    /// <summary>The <c>tokenizer.json</c> that <see cref="Read"/> takes; null: the tokenizer is in the file itself.</summary>
    public static string? FileBeside(GgufReader file)
    {
        if (file.Metadata.FindText(GgufKeys.HuggingFaceTokenizer) is not null) return null;
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, Tokenizer.JsonName);
        return File.Exists(beside) ? beside : null;
    }

    private byte[] ToJson()
    {
        var model = metadata.Text(GgufKeys.Tokenizer);
        var pre = metadata.FindText(GgufKeys.PreTokenizer);
        var known = GgufTokenizerKinds.PreTokenizers.FirstOrDefault(each => pre is not null && each.Names.Contains(pre));
        if (model != GgufTokenizerKinds.SentencePiece && (model != GgufTokenizerKinds.ByteLevel || known is null))
        {
            throw metadata.Error(
                model == GgufTokenizerKinds.ByteLevel ? GgufKeys.PreTokenizer : GgufKeys.Tokenizer,
                $"is \"{(model == GgufTokenizerKinds.ByteLevel ? pre : model)}\", which cannot be rebuilt from the file alone", "put " +
                "the model's tokenizer.json beside the file");
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteAddedTokens(json);
            if (model == GgufTokenizerKinds.SentencePiece) WriteSentencePiece(json);
            else WriteByteLevel(json, known!);
            WritePostProcessor(json, model == GgufTokenizerKinds.SentencePiece);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private void WriteAddedTokens(Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < tokens.Length; id++)
        {
            if (!IsAdded(id) || tokens[id].Length == 0) continue;
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokens[id]);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", (GgufTokenType)types[id] != GgufTokenType.UserDefined);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteByteLevel(Utf8JsonWriter json, GgufPreTokenizer known)
    {
        if (known.Composes) json.WritePropertyName("normalizer"u8);
        if (known.Composes) json.WriteRawValue("""{"type":"NFC"}""");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        if (known.SingleDigits) json.WriteRawValue("""{"type":"Digits","individual_digits":true}""");
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", known.Pattern);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteEndObject();
        json.WriteRawValue("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WritePropertyName("decoder");
        json.WriteRawValue("""{"type":"ByteLevel"}""");
        var merges = metadata.FindTexts(GgufKeys.Merges) ?? throw metadata.Error(GgufKeys.Merges, "is missing");
        WriteModel(json, merges.Select(merge => merge.Split(' ') is [var left, var right] ? (left, right)
            : throw metadata.Error(GgufKeys.Merges, $"holds \"{merge}\", not two tokens")), known.IgnoreMerges, byteFallback: false);
    }

    private void WriteSentencePiece(Utf8JsonWriter json)
    {
        var prepends = metadata.FindBoolean(GgufKeys.AddSpacePrefix) ?? true;
        json.WritePropertyName("normalizer");
        json.WriteRawValue(
            $$"""{"type":"Sequence","normalizers":[{{(prepends ? """{"type":"Prepend","prepend":"▁"},""" : "")}}""" +
            """{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}""");
        json.WritePropertyName("decoder");
        json.WriteRawValue(
            """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},""" +
            """{"type":"Fuse"}""" +
            (prepends ? """,{"type":"Strip","content":" ","start":1,"stop":0}""" : "") + "]}");
        WriteModel(json, MergesByScore(), ignoreMerges: false, byteFallback: true);
    }

    /// <summary>SentencePiece merges whatever two neighbours make a piece, the piece of the best score first.</summary>
    private IEnumerable<(string Left, string Right)> MergesByScore()
    {
        var scores = metadata.FindNumbers(GgufKeys.Scores) ?? throw metadata.Error(GgufKeys.Scores, "is missing");
        if (scores.Length != tokens.Length)
            throw metadata.Error(GgufKeys.Scores, $"has {scores.Length} entries for {tokens.Length} tokens");
        var normal = Enumerable.Range(0, tokens.Length).Where(id => (GgufTokenType)types[id] == GgufTokenType.Normal).ToList();
        var known = normal.Select(id => tokens[id]).ToHashSet(StringComparer.Ordinal);
        return normal.OrderByDescending(id => scores[id]).SelectMany(id => Enumerable.Range(1, Math.Max(0, tokens[id].Length - 1))
            .Select(cut => (Left: tokens[id][..cut], Right: tokens[id][cut..]))
            .Where(pair => known.Contains(pair.Left) && known.Contains(pair.Right)));
    }

    private void WriteModel(Utf8JsonWriter json, IEnumerable<(string Left, string Right)> merges, bool ignoreMerges, bool byteFallback)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteBoolean("ignore_merges", ignoreMerges);
        json.WriteBoolean("byte_fallback", byteFallback);
        json.WriteBoolean("fuse_unk", byteFallback);
        if (metadata.FindInteger(GgufKeys.Unknown, 0, tokens.Length - 1) is { } unknown && byteFallback)
            json.WriteString("unk_token", tokens[unknown]);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Length; id++)
        {
            if (!IsAdded(id) && (GgufTokenType)types[id] != GgufTokenType.Unused || (GgufTokenType)types[id] == GgufTokenType.Unknown)
                json.WriteNumber(tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WritePostProcessor(Utf8JsonWriter json, bool addsBos)
    {
        if (metadata.FindBoolean(GgufKeys.AddEos) == true)
            throw metadata.Error(GgufKeys.AddEos, "is set, which would end every prompt");
        if (!(metadata.FindBoolean(GgufKeys.AddBos) ?? addsBos)) return;
        var bos = metadata.Integer(GgufKeys.Bos, 0, tokens.Length - 1);
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        json.WriteStartArray("single");
        json.WriteRawValue("""{"SpecialToken":{"id":"bos"}},{"Sequence":{"id":"A"}}""", skipInputValidation: true);
        json.WriteEndArray();
        json.WriteStartObject("special_tokens");
        json.WriteStartObject("bos");
        json.WriteStartArray("ids");
        json.WriteNumberValue(bos);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private bool IsAdded(int id) => (GgufTokenType)types[id] is GgufTokenType.Control or GgufTokenType.UserDefined or GgufTokenType.Unknown;
}
