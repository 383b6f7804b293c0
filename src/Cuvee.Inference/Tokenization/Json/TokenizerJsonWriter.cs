using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Writes a trained vocabulary as a <c>tokenizer.json</c> that Hugging Face's libraries load.</summary>
internal static class TokenizerJsonWriter
{
    private static readonly JsonWriterOptions Options =
        new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="tokens">[vocabulary] spelling by id, special tokens first; the very first is put before every text.</param>
    /// <param name="specialCount">How many of them are special.</param>
    /// <param name="merges">Spellings, lowest rank first.</param>
    /// <returns>UTF-8; the same arguments give the same bytes.</returns>
    public static byte[] Write(
        IReadOnlyList<string> tokens, int specialCount, IReadOnlyList<(string Left, string Right)> merges)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteAddedTokens(json, tokens, specialCount);
            json.WriteNull("normalizer");
            WritePreTokenizer(json);
            WritePostProcessor(json, tokens[0]);
            json.WritePropertyName("decoder");
            WriteByteLevel(json);
            WriteModel(json, tokens, merges);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, IReadOnlyList<string> tokens, int specialCount)
    {
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < specialCount; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokens[id]);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePreTokenizer(Utf8JsonWriter json)
    {
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", PretokenizationPattern.SingleDigitsText);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
        WriteByteLevel(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
    }

    private static void WritePostProcessor(Utf8JsonWriter json, string beginOfText)
    {
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteTemplate(json, "single", beginOfText, ["A"]);
        WriteTemplate(json, "pair", beginOfText, ["A", "B"]);
        json.WriteStartObject("special_tokens");
        json.WriteStartObject(beginOfText);
        json.WriteString("id", beginOfText);
        json.WriteStartArray("ids");
        json.WriteNumberValue(0);
        json.WriteEndArray();
        json.WriteStartArray("tokens");
        json.WriteStringValue(beginOfText);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTemplate(Utf8JsonWriter json, string name, string beginOfText, IReadOnlyList<string> sequences)
    {
        json.WriteStartArray(name);
        for (var type = 0; type < sequences.Count; type++)
        {
            WriteTemplateItem(json, "SpecialToken", beginOfText, type);
            WriteTemplateItem(json, "Sequence", sequences[type], type);
        }

        json.WriteEndArray();
    }

    private static void WriteTemplateItem(Utf8JsonWriter json, string kind, string id, int type)
    {
        json.WriteStartObject();
        json.WriteStartObject(kind);
        json.WriteString("id", id);
        json.WriteNumber("type_id", type);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteModel(
        Utf8JsonWriter json, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++)
            json.WriteNumber(tokens[id], id);
        json.WriteEndObject();
        // "a b" rather than ["a", "b"]: every release of the library reads it, and byte-level tokens hold no space.
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
            json.WriteStringValue($"{left} {right}");
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
