using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Decoders;
using Cuvee.Inference.Tokenization.Normalizers;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>tokenizer.json</c> into a <see cref="TokenizerPipeline"/>; every component it does not know is an error.</summary>
internal sealed class TokenizerJsonReader
{
    // The largest real ones (256,000 tokens) take 34 MB.
    internal static readonly JsonDocumentKind Kind =
        new("a tokenizer.json", MaxBytes: 256 << 20, MaxDepth: 64, "use the tokenizer.json that came with the model");

    private readonly JsonField _root;

    private TokenizerJsonReader(JsonField root) => _root = root;

    public static TokenizerPipeline Read(byte[] json, string source)
    {
        using var file = JsonFile.Parse(json, source, Kind);
        return new TokenizerJsonReader(file.Root).Read();
    }

    private TokenizerPipeline Read()
    {
        if (_root.Find("truncation") is { } truncation)
            throw truncation.Error("would cut texts silently; set it to null");
        if (_root.Find("padding") is { } padding
            && !(padding.Find("strategy") is { IsText: true } strategy && strategy.Text() == "BatchLongest"))
            throw padding.Error("pads to a fixed length, which is not supported; set it to null");
        var preTokenizers = new List<IPreTokenizer>();
        var isByteLevel = PreTokenizerReader.Read(_root.Find("pre_tokenizer"), preTokenizers);
        var normalizers = new List<ITextNormalizer>();
        NormalizerReader.Read(_root.Find("normalizer"), normalizers);
        var decoders = new List<ITokenDecoder>();
        DecoderReader.Read(_root.Find("decoder"), decoders);
        var prefix = new List<int>();
        var suffix = new List<int>();
        PostProcessorReader.Read(_root.Find("post_processor"), prefix, suffix);
        var vocabulary = BpeVocabularyReader.Read(_root["model"], isByteLevel);
        IReadOnlyList<AddedToken> addedTokens = _root.Find("added_tokens") is { } list ? AddedTokenReader.ReadAll(list) : [];
        var known = new HashSet<int>(vocabulary.Ids.Values);
        known.UnionWith(addedTokens.Select(token => token.Id));
        if (prefix.Concat(suffix).Where(id => !known.Contains(id)).Take(1).ToArray() is [var missing])
            throw _root.Error("post_processor", $"inserts id {missing}, which no token has");
        return new TokenizerPipeline
        {
            AddedTokens = addedTokens,
            Normalizers = normalizers,
            PreTokenizers = preTokenizers,
            Vocabulary = vocabulary,
            Decoders = decoders,
            Prefix = prefix,
            Suffix = suffix,
        };
    }
}
