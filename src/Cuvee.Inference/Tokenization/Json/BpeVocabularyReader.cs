using System.Text.Json;
using Cuvee.Inference.Tokenization.Bpe;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>model</c>.</summary>
internal static class BpeVocabularyReader
{
    public static BpeVocabulary Read(JsonField model, bool isByteLevel)
    {
        // Old files leave "type" out; only BPE has merges.
        if (model.Optional("type") is { } type ? type.Text != "BPE" : model.Optional("merges") is null)
            throw model.Fail($"the model type {model.Optional("type")?.Text ?? "without merges"} is not supported, only BPE is");
        if (model.Optional("dropout") is { } dropout
            && !(dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0))
            throw dropout.Fail("dropout makes encoding random; set it to null");
        foreach (var name in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Optional(name) is { } affix && affix.Text.Length > 0)
                throw affix.Fail("this marker is not supported by byte-level BPE; it must be null");
        }

        var ids = ReadVocabulary(model.Required("vocab"));
        int? unknown = null;
        if (model.Optional("unk_token") is { } unknownToken)
            unknown = ids.TryGetValue(unknownToken.Text, out var id) ? id : throw unknownToken.Fail("is not in model.vocab");
        return new BpeVocabulary
        {
            Ids = ids,
            Merges = ReadMerges(model.Required("merges"), ids),
            IsByteLevel = isByteLevel,
            IgnoreMerges = model.Flag("ignore_merges", false),
            ByteFallback = model.Flag("byte_fallback", false),
            FuseUnknown = model.Flag("fuse_unk", false),
            UnknownId = unknown,
        };
    }

    private static Dictionary<string, int> ReadVocabulary(JsonField vocabulary)
    {
        if (vocabulary.Element.ValueKind != JsonValueKind.Object)
            throw vocabulary.Fail("must be an object of token and id");
        var ids = new Dictionary<string, int>(vocabulary.Element.GetPropertyCount(), StringComparer.Ordinal);
        var used = new HashSet<int>(ids.Capacity);
        foreach (var property in vocabulary.Element.EnumerateObject())
        {
            var (token, id) = (property.Name, (vocabulary with { Element = property.Value }).Id);
            if (!ids.TryAdd(token, id) || !used.Add(id))
                throw vocabulary.Fail($"the token \"{token}\" or its id {id} occurs twice");
        }

        return ids.Count > 0 ? ids : throw vocabulary.Fail("is empty");
    }

    private static Dictionary<long, (int Rank, int Merged)> ReadMerges(JsonField list, Dictionary<string, int> ids)
    {
        if (!list.IsList)
            throw list.Fail("must be a list");
        var merges = new Dictionary<long, (int Rank, int Merged)>(list.Element.GetArrayLength());
        var rank = 0;
        foreach (var item in list.Element.EnumerateArray())
        {
            if (!TryReadPair(item, out var left, out var right))
                throw (list with { Path = $"{list.Path}[{rank}]" }).Fail("must be two tokens, as \"a b\" or [\"a\", \"b\"]");
            if (!ids.TryGetValue(left, out var leftId)
                || !ids.TryGetValue(right, out var rightId)
                || !ids.TryGetValue(left + right, out var merged))
                throw (list with { Path = $"{list.Path}[{rank}]" }).Fail(
                    $"\"{left}\", \"{right}\" and what they make must all be in model.vocab");
            // A repeated pair keeps its last rank, as in Hugging Face's library.
            merges[BpeVocabulary.PairKey(leftId, rightId)] = (rank++, merged);
        }

        return merges;
    }

    private static bool TryReadPair(JsonElement item, out string left, out string right)
    {
        (left, right) = ("", "");
        if (item.ValueKind == JsonValueKind.String)
        {
            var text = item.GetString()!;
            var space = text.IndexOf(' ');
            if (space <= 0 || space == text.Length - 1 || text.IndexOf(' ', space + 1) >= 0)
                return false;
            (left, right) = (text[..space], text[(space + 1)..]);
            return true;
        }

        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2
            || item[0].ValueKind != JsonValueKind.String || item[1].ValueKind != JsonValueKind.String)
            return false;
        (left, right) = (item[0].GetString()!, item[1].GetString()!);
        return true;
    }
}
