using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Bpe;
using Cuvee.Inference.Tokenization.Decoders;
using Cuvee.Inference.Tokenization.Json;
using Cuvee.Inference.Tokenization.PreTokenizers;
using Cuvee.Inference.Tokenization.SentencePiece;

namespace Cuvee.Inference.Tokenization;

/// <summary>
/// A Hugging Face <c>tokenizer.json</c> with a BPE model, byte-level (GPT-2, Llama 3, Qwen, our own) or of the SentencePiece kind with byte
/// fallback (Llama 2, Gemma), or a SentencePiece <c>tokenizer.model</c> itself. Immutable and thread-safe. What is not supported is refused
/// on loading, never ignored.
/// </summary>
public sealed class Tokenizer
{
    public const string JsonName = "tokenizer.json";

    public const string SentencePieceName = "tokenizer.model";

    private readonly byte[]? _json; // only of a tokenizer that may be in no file yet
    private readonly TokenizerPipeline _pipeline;
    private readonly BpeModel _model;
    private readonly AddedTokenMatcher? _rawMatcher;
    private readonly AddedTokenMatcher? _normalizedMatcher;
    private readonly Dictionary<int, AddedToken> _addedById;
    private readonly string?[] _tokens; // [VocabSize] spelling by id, null for an id that is not used

    private Tokenizer(TokenizerPipeline pipeline, byte[]? json = null)
    {
        _json = json;
        _pipeline = pipeline;
        _model = new BpeModel(pipeline.Vocabulary);
        _rawMatcher = BuildMatcher(pipeline.AddedTokens.Where(token => !token.Normalized).Select(token => (token.Content, token)));
        _normalizedMatcher = BuildMatcher(
            pipeline.AddedTokens.Where(token => token.Normalized)
                .Select(token => (token.NormalizedSpelling ?? Normalize(token.Content, PieceStart.Text), token)));
        _addedById = pipeline.AddedTokens.ToDictionary(token => token.Id);
        _tokens = new string?[pipeline.Vocabulary.Ids.Values.Concat(_addedById.Keys).Max() + 1];
        foreach (var (token, id) in pipeline.Vocabulary.Ids)
            _tokens[id] = token;
        foreach (var token in pipeline.AddedTokens)
            _tokens[token.Id] = token.Content;
    }

    /// <summary>One more than the largest id, added tokens included: the rows an embedding matrix needs at least.</summary>
    public int VocabSize => _tokens.Length;

    /// <summary>Reads <c>tokenizer.json</c> of a model's folder, else <c>tokenizer.model</c> and the settings beside it.</summary>
    /// <exception cref="BadInputException">Neither is there, a file is broken or asks for a component that is not supported.</exception>
    public static Tokenizer Open(string folder)
    {
        var (json, model) = (Path.Combine(folder, JsonName), Path.Combine(folder, SentencePieceName));
        if (File.Exists(json)) return Load(json);
        if (!File.Exists(model))
        {
            throw new BadInputException(
                $"{folder}: holds neither {JsonName} nor {SentencePieceName}; add the one that came with the model.");
        }
        return new Tokenizer(SentencePiecePipeline.Create(SentencePieceModel.Read(model), SentencePieceSettings.Read(folder)));
    }

    /// <exception cref="BadInputException">The file is missing, broken or asks for a component that is not supported.</exception>
    public static Tokenizer Load(string tokenizerJsonPath) => new(TokenizerJsonReader.Read(
        JsonFile.ReadBytes(tokenizerJsonPath, TokenizerJsonReader.Kind), tokenizerJsonPath));

    /// <param name="json">UTF-8; kept, so that <see cref="Save"/> gives the same bytes.</param>
    /// <param name="source">What error messages call it.</param>
    /// <exception cref="BadInputException">As for <see cref="Load"/>.</exception>
    public static Tokenizer Parse(byte[] json, string source) => new(TokenizerJsonReader.Read(json, source), json);

    /// <summary>Writes the <c>tokenizer.json</c> this tokenizer was made from, byte for byte, through a temporary file beside it.</summary>
    /// <exception cref="InvalidOperationException">The tokenizer came from a file, which can be copied.</exception>
    public void Save(string tokenizerJsonPath) => AtomicFile.WriteAllBytes(
        tokenizerJsonPath, _json ?? throw new InvalidOperationException("A tokenizer that was read from a file is copied, not saved."));

    /// <summary>
    /// Added tokens that occur in <paramref name="text"/> are recognised, special ones included. A lone surrogate counts as U+FFFD.
    /// </summary>
    /// <param name="addSpecialTokens">Apply the post-processor's rule (such as a leading BOS).</param>
    public IReadOnlyList<int> Encode(string text, bool addSpecialTokens)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        if (addSpecialTokens) ids.AddRange(_pipeline.Prefix);
        EncodeText(text, PieceStart.Text, ids);
        if (addSpecialTokens) ids.AddRange(_pipeline.Suffix);
        return ids;
    }

    /// <summary>A text that more will follow: with the leading special tokens, unless it begins with them, and none behind.</summary>
    public IReadOnlyList<int> EncodePrompt(string text)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        EncodeText(text, PieceStart.Text, ids);
        if (!ids.Take(_pipeline.Prefix.Count).SequenceEqual(_pipeline.Prefix)) ids.InsertRange(0, _pipeline.Prefix);
        return ids;
    }

    /// <summary>
    /// The text behind another one that was encoded apart: no special token, no mark or space in front of it that only starts texts.
    /// </summary>
    public IReadOnlyList<int> EncodeContinuation(string text)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        EncodeText(text, PieceStart.Continuation, ids);
        return ids;
    }

    /// <summary>Special tokens are skipped by default; bytes that do not form UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not one of this tokenizer's.</exception>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = true) => Decode(ids, skipSpecialTokens, continues: false);

    /// <summary>What <see cref="EncodeContinuation"/> made, or what a model generated behind a prompt: a leading space stays.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not one of this tokenizer's.</exception>
    public string DecodeContinuation(IReadOnlyList<int> ids) => Decode(ids, skipSpecialTokens: true, continues: true);

    /// <summary>Models often pad their vocabulary beyond the tokenizer's, and there may be gaps in it; such ids have no text.</summary>
    public bool HasToken(int id) => (uint)id < (uint)_tokens.Length && _tokens[id] is not null;

    /// <summary>The token's on-disk spelling (byte-level alphabet).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not one of this tokenizer's.</exception>
    public string TokenOf(int id) => HasToken(id)
        ? _tokens[id]!
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The tokenizer has no token with id {id}.");

    /// <summary>Null when no token has this on-disk spelling.</summary>
    public int? IdOf(string token) =>
        _pipeline.AddedTokens.FirstOrDefault(added => added.Content == token)?.Id
            ?? (_pipeline.Vocabulary.Ids.TryGetValue(token, out var id) ? id : null);

    private static AddedTokenMatcher? BuildMatcher(IEnumerable<(string Spelling, AddedToken Token)> tokens)
    {
        var list = tokens.ToList();
        return list.Count == 0 ? null : new AddedTokenMatcher(list);
    }

    private static List<(ReadOnlyMemory<char> Text, AddedToken? Token)> Split(AddedTokenMatcher? matcher, ReadOnlyMemory<char> text)
    {
        var segments = new List<(ReadOnlyMemory<char> Text, AddedToken? Token)>();
        if (matcher is not null)
            matcher.Split(text, segments);
        else if (text.Length > 0)
            segments.Add((text, null));
        return segments;
    }

    private string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens, bool continues)
    {
        var parts = new List<DecodedPart>(ids.Count);
        foreach (var id in ids)
        {
            var added = _addedById.GetValueOrDefault(id);
            if (!(skipSpecialTokens && added is { Special: true }))
                parts.Add(new(TokenOf(id), added is not null));
        }

        foreach (var decoder in _pipeline.Decoders)
            parts = decoder.Decode(parts, continues);
        return string.Concat(parts.Select(part => part.Text));
    }

    private void EncodeText(string text, PieceStart start, List<int> ids)
    {
        foreach (var (segment, token) in Split(_rawMatcher, ScalarShadow.WellFormed(text).AsMemory()))
        {
            if (token is null)
                EncodeSegment(segment, start, ids);
            else
                ids.Add(token.Id);
            start = PieceStart.Inside;
        }
    }

    private void EncodeSegment(ReadOnlyMemory<char> segment, PieceStart start, List<int> ids)
    {
        var normalized = _pipeline.Normalizers.Count == 0 ? segment : Normalize(segment.ToString(), start).AsMemory();
        foreach (var (text, token) in Split(_normalizedMatcher, normalized))
        {
            if (token is null)
                EncodePlain(text, start, ids);
            else
                ids.Add(token.Id);
            start = PieceStart.Inside;
        }
    }

    private void EncodePlain(ReadOnlyMemory<char> text, PieceStart start, List<int> ids)
    {
        var pieces = new List<ReadOnlyMemory<char>> { text };
        foreach (var preTokenizer in _pipeline.PreTokenizers)
        {
            var smaller = new List<ReadOnlyMemory<char>>(pieces.Count + text.Length / 4);
            for (var i = 0; i < pieces.Count; i++)
                preTokenizer.Split(pieces[i], i == 0 ? start : PieceStart.Inside, smaller);
            pieces = smaller;
        }

        foreach (var piece in pieces)
            _model.Encode(piece.Span, ids);
    }

    private string Normalize(string text, PieceStart start)
    {
        foreach (var normalizer in _pipeline.Normalizers) text = normalizer.Normalize(text, start);
        return text;
    }
}
