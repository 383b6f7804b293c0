using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Json;

namespace Cuvee.Inference.Tokenization.SentencePiece;

/// <summary>
/// What the files beside a <c>tokenizer.model</c> decide, as Hugging Face's <c>LlamaTokenizer</c> and <c>GemmaTokenizer</c> read them:
/// tokens around a text and tokens that were added. Defaults are theirs.
/// </summary>
internal sealed record SentencePieceSettings
{
    private const string AddedTokensName = "added_tokens.json";

    private static readonly JsonDocumentKind AddedTokensKind =
        new("an added_tokens.json", MaxBytes: 64 << 20, MaxDepth: 8, "use the added_tokens.json that came with the model");

    /// <summary>The file that <see cref="AddedTokens"/> come from.</summary>
    public string Source { get; private init; } = "";

    public IReadOnlyList<AddedToken> AddedTokens { get; private init; } = [];

    public bool AddsBegin { get; private init; } = true;

    public bool AddsEnd { get; private init; }

    /// <summary>Null: the model's.</summary>
    public string? BeginToken { get; private init; }

    /// <summary>Likewise.</summary>
    public string? EndToken { get; private init; }

    /// <summary>Null: as the model says.</summary>
    public bool? AddsPrefixSpace { get; private init; }

    /// <summary><c>legacy</c>: text behind an added token gets a mark in front, too, not only the first.</summary>
    public bool MarksEverySegment { get; private init; } = true;

    /// <exception cref="BadInputException">A file is broken.</exception>
    public static SentencePieceSettings Read(string folder)
    {
        using var config = TokenizerConfigFile.Open(folder);
        var settings = config is null ? new SentencePieceSettings() : Read(config.Root, Path.Combine(folder, TokenizerConfigFile.Name));
        var added = Path.Combine(folder, AddedTokensName);
        if (settings.AddedTokens.Count > 0 || !File.Exists(added)) return settings;
        using var older = JsonFile.Read(added, AddedTokensKind);
        return settings with
        {
            Source = added,
            AddedTokens = [.. older.Root.Members().Select(member => new AddedToken(
                TokenId.Read(member.Value), member.Key, false, false, false, Normalized: false, Special: true))],
        };
    }

    private static SentencePieceSettings Read(JsonField config, string path) => new()
    {
        Source = path,
        AddedTokens = config.Find("added_tokens_decoder") is not { } list
            ? []
            : [.. list.Members().Select(member => AddedTokenReader.Read(member.Value, ReadId(list, member.Key)))],
        AddsBegin = config.Find("add_bos_token")?.Boolean() ?? true,
        AddsEnd = config.Find("add_eos_token")?.Boolean() ?? false,
        BeginToken = TokenizerConfigFile.TokenText(config, "bos_token"),
        EndToken = TokenizerConfigFile.TokenText(config, "eos_token"),
        AddsPrefixSpace = config.Find("add_prefix_space")?.Boolean(),
        MarksEverySegment = config.Find("legacy")?.Boolean() ?? true,
    };

    private static int ReadId(JsonField list, string key) => int.TryParse(key, out var id) && id is >= 0 and <= TokenId.Largest
        ? id
        : throw list.Error($"has the key '{key}', which is no token id");
}
