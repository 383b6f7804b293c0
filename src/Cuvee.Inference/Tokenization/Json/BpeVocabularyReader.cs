using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Bpe;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>model</c>.</summary>
internal static class BpeVocabularyReader
{
    public static BpeVocabulary Read(JsonField model, bool isByteLevel)
    {
        // Old files leave "type" out; only BPE has merges.
        if (model.Find("type") is { } type ? type.Text() != "BPE" : model.Find("merges") is null)
            throw model.Error($"has the type {model.Find("type")?.Text() ?? "(none, and no merges)"}; only BPE is supported");
        if (model.Find("dropout") is { } dropout && dropout.Number() != 0)
            throw dropout.Error("would make encoding random; set it to null");
        foreach (var name in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Find(name) is { } affix && affix.Text().Length > 0)
                throw affix.Error("is a marker, which is not supported; it must be null");
        }

        var ids = ReadVocabulary(model["vocab"]);
        int? unknown = null;
        if (model.Find("unk_token") is { } unknownToken)
            unknown = ids.TryGetValue(unknownToken.Text(), out var id) ? id : throw unknownToken.Error("is not in model.vocab");
        return new BpeVocabulary
        {
            Ids = ids,
            Merges = new MergeTable(ReadMerges(model["merges"], ids)),
            IsByteLevel = isByteLevel,
            IgnoreMerges = model.Find("ignore_merges")?.Boolean() ?? false,
            ByteFallback = model.Find("byte_fallback")?.Boolean() ?? false,
            FuseUnknown = model.Find("fuse_unk")?.Boolean() ?? false,
            UnknownId = unknown,
        };
    }

    private static Dictionary<string, int> ReadVocabulary(JsonField vocabulary)
    {
        var members = vocabulary.Members();
        var ids = new Dictionary<string, int>(members.Count, StringComparer.Ordinal);
        var used = new HashSet<int>(members.Count);
        foreach (var (token, field) in members)
        {
            var id = TokenId.Read(field);
            ids.Add(token, id);
            if (!used.Add(id)) throw field.Error($"has the id {id}, which occurs twice");
        }

        return ids.Count > 0 ? ids : throw vocabulary.Error("is empty");
    }

    private static Dictionary<long, (int Rank, int Merged)> ReadMerges(JsonField list, Dictionary<string, int> ids)
    {
        if (!list.IsList)
            throw list.Error("is no list of merges");
        var merges = new Dictionary<long, (int Rank, int Merged)>(list.Value.GetArrayLength());
        var rank = 0;
        foreach (var item in list.Items())
        {
            var (left, right) = ReadPair(item);
            if (!ids.TryGetValue(left, out var leftId)
                || !ids.TryGetValue(right, out var rightId)
                || !ids.TryGetValue(left + right, out var merged))
            {
                throw item.Error($"is \"{left}\" and \"{right}\"; both and what they make must be in model.vocab");
            }

            // A repeated pair keeps its last rank, as in Hugging Face's library.
            merges[BpeVocabulary.PairKey(leftId, rightId)] = (rank++, merged);
        }

        return merges;
    }

    public static (string Left, string Right) ReadPair(JsonField item)
    {
        if (item.IsText)
        {
            var text = item.Text();
            var space = text.IndexOf(' ');
            if (space > 0 && space < text.Length - 1 && text.IndexOf(' ', space + 1) < 0) return (text[..space], text[(space + 1)..]);
        }
        else if (item.IsList && item.Items().ToList() is [{ IsText: true } left, { IsText: true } right])
        {
            return (left.Text(), right.Text());
        }

        throw item.Error($"is {item.Shown}, not two tokens, as \"a b\" or [\"a\", \"b\"]");
    }
}

internal static class TokenId
{
    // An id indexes arrays, and real vocabularies stay far below.
    public const int Largest = 16_777_215;

    public static int Read(JsonField field) => field.Integer(0, Largest);
}
