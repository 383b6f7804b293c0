using System.Text;
using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Json;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Gguf;

/// <summary>A <c>tokenizer.json</c> as GGUF keys: llama.cpp's own, and the whole file for readers that take that.</summary>
internal sealed class GgufTokenizerWriter
{
    private const string SpaceMark = "\u2581";

    private readonly JsonField root;
    private readonly LlamaConfig config;
    private readonly GgufMetadata metadata;

    private GgufTokenizerWriter(JsonField root, LlamaConfig config, GgufMetadata metadata) =>
        (this.root, this.config, this.metadata) = (root, config, metadata);

    /// <param name="path">A tokenizer.json that <see cref="Tokenizer"/> accepts.</param>
    /// <param name="warn">Gets one sentence where llama.cpp may cut texts otherwise; token ids are the same in either case.</param>
    /// <exception cref="BadInputException">llama.cpp has no such tokenizer.</exception>
    public static void Write(string path, LlamaConfig config, GgufMetadata metadata, Action<string> warn)
    {
        var json = JsonFile.ReadBytes(path, TokenizerJsonReader.Kind);
        using var file = JsonFile.Parse(json, path, TokenizerJsonReader.Kind);
        new GgufTokenizerWriter(file.Root, config, metadata).Write(warn);
        metadata.Add(GgufKeys.HuggingFaceTokenizer, Encoding.UTF8.GetString(json));
    }

    private void Write(Action<string> warn)
    {
        var steps = Flatten(root.Find("pre_tokenizer"), "pretokenizers").ToList();
        if (steps is [.., var last] && TypeOf(last) == "ByteLevel")
        {
            metadata.Add(GgufKeys.Tokenizer, GgufTokenizerKinds.ByteLevel);
            metadata.Add(GgufKeys.PreTokenizer, PreTokenizer(steps, warn));
            WriteTokens(isByteLevel: true);
            metadata.Add(GgufKeys.Merges, [.. Merges().Select(merge => $"{merge.Left} {merge.Right}")]);
        }
        else if (root["model"].Find("byte_fallback")?.Boolean() == true)
        {
            metadata.Add(GgufKeys.Tokenizer, GgufTokenizerKinds.SentencePiece);
            metadata.Add(GgufKeys.PreTokenizer, GgufTokenizerKinds.NoPreTokenizer);
            WriteTokens(isByteLevel: false);
            metadata.Add(GgufKeys.AddSpacePrefix, AddsSpacePrefix(steps));
        }
        else
        {
            throw root.Error("pre_tokenizer", "is of a kind that llama.cpp does not have; it knows byte-level BPE and SentencePiece BPE");
        }

        var prefix = new List<int>();
        var suffix = new List<int>();
        PostProcessorReader.Read(root.Find("post_processor"), prefix, suffix);
        GgufTokenizerKinds.AddEnds(
            metadata, config, config.BosTokenId is { } bos && prefix.Contains(bos), suffix.Count > 0
                && config.EosTokenIds.Contains(suffix[^1]));
    }

    private string PreTokenizer(List<JsonField> steps, Action<string> warn)
    {
        var ownPattern = steps[^1].Find("use_regex")?.Boolean() ?? true;
        var prefixSpace = steps[^1].Find("add_prefix_space")?.Boolean() ?? true;
        var ignoreMerges = root["model"].Find("ignore_merges")?.Boolean() ?? false;
        bool Is(GgufPreTokenizer known) => !prefixSpace && known.IgnoreMerges == ignoreMerges && steps[..^1] switch
        {
            [] => ownPattern && known is { Pattern: PretokenizationPattern.Gpt2Text, SingleDigits: false },
            [var digits] when TypeOf(digits) == "Digits" => ownPattern && known.SingleDigits
                && digits.Find("individual_digits")?.Boolean() == true,
            [var split] when TypeOf(split) == "Split" => !ownPattern && !known.SingleDigits
                && split["pattern"].Find("Regex")?.Text() == known.Pattern
                && split["behavior"].Text() == "Isolated" && split.Find("invert")?.Boolean() != true,
            _ => false,
        };
        if (GgufTokenizerKinds.PreTokenizers.FirstOrDefault(Is) is { } found) return found.Names[0];
        warn($"{root.Source}: llama.cpp has no name for its 'pre_tokenizer'; the file says \"gpt-2\", which may cut texts otherwise: " +
            "give llama.cpp token ids, not texts.");
        return GgufTokenizerKinds.PreTokenizers[0].Names[0];
    }

    private void WriteTokens(bool isByteLevel)
    {
        var tokens = new string[config.VocabSize];
        var types = new int[config.VocabSize];
        for (var id = 0; id < tokens.Length; id++) (tokens[id], types[id]) = ($"[PAD{id}]", (int)GgufTokenType.Unused);
        var model = root["model"];
        foreach (var (token, field) in model["vocab"].Members())
        {
            var id = TokenId.Read(field);
            (tokens[id], types[id]) = (token, (int)(!isByteLevel && IsByte(token) ? GgufTokenType.Byte : GgufTokenType.Normal));
        }

        int? unknown = null;
        foreach (var added in root.Find("added_tokens")?.Items() ?? [])
        {
            var id = TokenId.Read(added["id"]);
            var isUnknown = model.Find("unk_token")?.Text() == added["content"].Text();
            if (isUnknown) unknown = id;
            tokens[id] = added["content"].Text();
            types[id] = (int)(isUnknown ? GgufTokenType.Unknown
                : added.Find("special")?.Boolean() ?? false ? GgufTokenType.Control : GgufTokenType.UserDefined);
        }

        metadata.Add(GgufKeys.Tokens, tokens);
        metadata.Add(GgufKeys.TokenTypes, types);
        if (!isByteLevel) metadata.Add(GgufKeys.Scores, Scores(tokens));
        if (unknown is { } known) metadata.Add(GgufKeys.Unknown, (uint)known);
    }

    /// <summary>SentencePiece merges the pair of the best score: the rank of the first merge that makes a token, negated.</summary>
    private float[] Scores(string[] tokens)
    {
        var ranks = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (left, right) in Merges()) ranks.TryAdd(left + right, ranks.Count);
        return [.. tokens.Select(token => -(float)ranks.GetValueOrDefault(token, ranks.Count))];
    }

    private IEnumerable<(string Left, string Right)> Merges() => root["model"]["merges"].Items().Select(BpeVocabularyReader.ReadPair);

    // Either the normalizer or Metaspace puts the mark in front of a text.
    private bool AddsSpacePrefix(List<JsonField> steps) =>
        Flatten(root.Find("normalizer"), "normalizers").Any(step => TypeOf(step) == "Prepend" && step["prepend"].Text() == SpaceMark)
        || steps.Any(step => TypeOf(step) == "Metaspace" && PreTokenizerReader.ReadPrepend(step) != MetaspacePrepend.Never);

    private static IEnumerable<JsonField> Flatten(JsonField? field, string children) => field is not { } step ? []
        : TypeOf(step) == "Sequence" ? step[children].Items().SelectMany(child => Flatten(child, children)) : [step];

    private static string TypeOf(JsonField step) => step["type"].Text();

    private static bool IsByte(string token) =>
        token is ['<', '0', 'x', var high, var low, '>'] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low);
}
