using Cuvee.Inference.Tokenization.Bpe;
using Cuvee.Inference.Tokenization.Decoders;
using Cuvee.Inference.Tokenization.Normalizers;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.SentencePiece;

/// <summary>
/// A SentencePiece BPE model as the steps that a <c>tokenizer.json</c> would name. It lists no merges: any two neighbours merge whose
/// concatenation is a piece, best score first, so a piece of n characters stands for its n - 1 ways to be cut.
/// </summary>
internal static class SentencePiecePipeline
{
    private const char Mark = '\u2581';

    /// <param name="settings">What the files beside the model say.</param>
    /// <exception cref="Formats.BadInputException">A token that the settings name is not there, or a piece could never be merged.
    /// </exception>
    public static TokenizerPipeline Create(SentencePieceModel model, SentencePieceSettings settings)
    {
        var mark = model.EscapesSpaces ? Mark : ' ';
        var addedTokens = AddedTokens(model, settings, mark);
        int Id(string token) => addedTokens.Find(added => added.Content == token)?.Id
            ?? (model.Pieces.FindIndex(piece => piece.Text == token) is var id and >= 0
                ? id
                : throw model.Error($"has no token '{token}', which is to stand before or behind every text; set add_bos_token or " +
                    "add_eos_token in tokenizer_config.json to false, or name one of its tokens there"));
        return new TokenizerPipeline
        {
            AddedTokens = addedTokens,
            Normalizers = [.. Normalizers(model, settings, mark)],
            PreTokenizers = [],
            Vocabulary = Vocabulary(model),
            Decoders = [.. Decoders(model, settings)],
            Prefix = settings.AddsBegin ? [Id(settings.BeginToken ?? model.BeginPiece)] : [],
            Suffix = settings.AddsEnd ? [Id(settings.EndToken ?? model.EndPiece)] : [],
        };
    }

    private static bool AddsPrefix(SentencePieceModel model, SentencePieceSettings settings) =>
        settings.AddsPrefixSpace ?? model.AddsDummyPrefix;

    private static IEnumerable<ITextNormalizer> Normalizers(SentencePieceModel model, SentencePieceSettings settings, char mark)
    {
        if (model.RemovesExtraSpaces) yield return new ExtraSpaceNormalizer(mark);
        if (AddsPrefix(model, settings))
            yield return new PrependNormalizer(mark.ToString(), firstSegmentOnly: !settings.MarksEverySegment);
        if (model.EscapesSpaces) yield return new ReplaceNormalizer(PatternMatcher.ForLiteral(" "), Mark.ToString());
    }

    private static IEnumerable<ITokenDecoder> Decoders(SentencePieceModel model, SentencePieceSettings settings)
    {
        if (model.EscapesSpaces)
            yield return new ReplaceDecoder(new ReplaceNormalizer(PatternMatcher.ForLiteral(Mark.ToString()), " "));
        if (model.ByteFallback) yield return new ByteFallbackDecoder();
        yield return new FuseDecoder();
        if (AddsPrefix(model, settings)) yield return new StripDecoder(' ', start: 1, stop: 0);
    }

    private static BpeVocabulary Vocabulary(SentencePieceModel model)
    {
        var ids = new Dictionary<string, int>(model.Pieces.Count, StringComparer.Ordinal);
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            if (model.Pieces[id].Kind is PieceKind.Normal or PieceKind.Byte) ids.Add(model.Pieces[id].Text, id);
        }

        var unknown = model.Pieces.FindIndex(piece => piece.Kind == PieceKind.Unknown);
        return new BpeVocabulary
        {
            Ids = ids,
            Merges = new MergeTable(Merges(model, ids)),
            IsByteLevel = false,
            IgnoreMerges = false,
            ByteFallback = model.ByteFallback,
            FuseUnknown = true,
            UnknownId = unknown < 0 ? null : unknown,
        };
    }

    private static Dictionary<long, (int Rank, int Merged)> Merges(SentencePieceModel model, Dictionary<string, int> ids)
    {
        var merges = new Dictionary<long, (int Rank, int Merged)>(model.Pieces.Count * 2);
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        // Equal scores share a rank: then the leftmost pair goes first, in SentencePiece as in BpeMerger.
        var ranks = model.Pieces.Select(piece => piece.Score).Distinct().OrderDescending()
            .Select((score, rank) => (score, rank)).ToDictionary(each => each.score, each => each.rank);
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var (text, score, kind) = model.Pieces[id];
            if (kind != PieceKind.Normal) continue;
            for (var cut = 0; cut < text.Length;)
            {
                var width = char.IsHighSurrogate(text[cut]) ? 2 : 1;
                if (!ids.ContainsKey(text.Substring(cut, width)) && text.Length > width)
                    throw model.Error($"piece {id}, '{text}', holds the character '{text.Substring(cut, width)}', which is no piece");
                cut += width;
                if (cut == text.Length) break;
                if (lookup.TryGetValue(text.AsSpan(0, cut), out var left) && lookup.TryGetValue(text.AsSpan(cut), out var right))
                    merges[BpeVocabulary.PairKey(left, right)] = (ranks[score], id);
            }
        }

        return merges;
    }

    /// <summary>Pieces that no merge makes: control tokens are found in the raw text, user-defined ones in the normalized text.</summary>
    private static List<AddedToken> AddedTokens(SentencePieceModel model, SentencePieceSettings settings, char mark)
    {
        var tokens = new SortedDictionary<int, AddedToken>();
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var (text, _, kind) = model.Pieces[id];
            if (kind is not (PieceKind.Unknown or PieceKind.Control or PieceKind.UserDefined)) continue;
            var isUsers = kind == PieceKind.UserDefined;
            tokens[id] = new AddedToken(id, text, false, false, false, Normalized: isUsers, Special: !isUsers)
            {
                NormalizedSpelling = text,
            };
        }

        foreach (var token in settings.AddedTokens)
        {
            var isPiece = token.Id < model.Pieces.Count;
            if (isPiece ? model.Pieces[token.Id].Text != token.Content : model.Pieces.Exists(piece => piece.Text == token.Content))
            {
                throw model.Error(
                    $"does not give the id {token.Id} to '{token.Content}', as {settings.Source} does; use files of one model");
            }
            tokens[token.Id] = token with { NormalizedSpelling = token.Content.Replace(' ', mark) };
        }

        return [.. tokens.Values];
    }
}
