using System.Text.Json;
using Cuvee.Inference.Tokenization.Decoders;
using Cuvee.Inference.Tokenization.Normalizers;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>tokenizer.json</c> into a <see cref="TokenizerPipeline"/>; every component it does not know is an error.</summary>
internal sealed class TokenizerJsonReader
{
    private readonly JsonField _root;

    private TokenizerJsonReader(JsonField root) => _root = root;

    public static TokenizerPipeline Read(byte[] json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return new TokenizerJsonReader(new JsonField(document.RootElement, source, "")).Read();
        }
        catch (JsonException exception)
        {
            throw new TokenizerFormatException($"{source}: this is not valid JSON ({exception.Message.TrimEnd('.')}).", exception);
        }
        catch (InvalidOperationException exception)
        {
            // What JsonElement throws for a string with an escaped lone surrogate; kinds are checked before every read.
            throw new TokenizerFormatException($"{source}: a string in the file is not valid Unicode.", exception);
        }
    }

    private TokenizerPipeline Read()
    {
        if (_root.Optional("truncation") is { } truncation)
            throw truncation.Fail("truncation would cut texts silently; set it to null");
        if (_root.Optional("padding") is { } padding && padding.Optional("strategy") is not { IsText: true, Text: "BatchLongest" })
            throw padding.Fail("padding to a fixed length is not supported; set it to null");
        var preTokenizers = new List<IPreTokenizer>();
        var isByteLevel = PreTokenizerReader.Read(_root.Optional("pre_tokenizer"), preTokenizers);
        var normalizers = new List<ITextNormalizer>();
        NormalizerReader.Read(_root.Optional("normalizer"), normalizers);
        var decoders = new List<ITokenDecoder>();
        DecoderReader.Read(_root.Optional("decoder"), decoders);
        var prefix = new List<int>();
        var suffix = new List<int>();
        PostProcessorReader.Read(_root.Optional("post_processor"), prefix, suffix);
        var vocabulary = BpeVocabularyReader.Read(_root.Required("model"), isByteLevel);
        var addedTokens = ReadAddedTokens();
        var known = new HashSet<int>(vocabulary.Ids.Values);
        known.UnionWith(addedTokens.Select(token => token.Id));
        if (prefix.Concat(suffix).Where(id => !known.Contains(id)).Take(1).ToArray() is [var missing])
            throw _root.Fail("post_processor", $"inserts id {missing}, which no token has");
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

    private List<AddedToken> ReadAddedTokens()
    {
        var tokens = new List<AddedToken>();
        if (_root.Optional("added_tokens") is not { } list)
            return tokens;
        var ids = new HashSet<int>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in list.Items())
        {
            var special = item.Flag("special", false);
            var token = new AddedToken(
                item.Required("id").Id,
                item.Required("content").Text,
                item.Flag("single_word", false),
                item.Flag("lstrip", false),
                item.Flag("rstrip", false),
                item.Flag("normalized", !special),
                special);
            if (token.Content.Length == 0)
                throw item.Fail("content", "an added token must not be empty");
            if (!ids.Add(token.Id) || !contents.Add(token.Content))
                throw item.Fail($"the id {token.Id} or the content \"{token.Content}\" occurs twice; keep one of them");
            tokens.Add(token);
        }

        return tokens;
    }
}
