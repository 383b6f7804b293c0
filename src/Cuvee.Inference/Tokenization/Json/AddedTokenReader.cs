using Cuvee.Formats.Json;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads an entry of <c>added_tokens</c>, and of <c>added_tokens_decoder</c>, which keeps the id elsewhere.</summary>
internal static class AddedTokenReader
{
    /// <summary>No id and no content twice.</summary>
    public static IReadOnlyList<AddedToken> ReadAll(JsonField list)
    {
        var tokens = new List<AddedToken>();
        var ids = new HashSet<int>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in list.Items())
        {
            var token = Read(item, TokenId.Read(item["id"]));
            if (!ids.Add(token.Id) || !contents.Add(token.Content))
                throw item.Error($"has the id {token.Id} or the content \"{token.Content}\", which occurs twice; keep one of them");
            tokens.Add(token);
        }

        return tokens;
    }

    public static AddedToken Read(JsonField item, int id)
    {
        var special = item.Find("special")?.Boolean() ?? false;
        var content = item["content"].Text();
        return content.Length == 0
            ? throw item.Error("content", "is empty; remove the token")
            : new AddedToken(
                id,
                content,
                item.Find("single_word")?.Boolean() ?? false,
                item.Find("lstrip")?.Boolean() ?? false,
                item.Find("rstrip")?.Boolean() ?? false,
                item.Find("normalized")?.Boolean() ?? !special,
                special);
    }
}
