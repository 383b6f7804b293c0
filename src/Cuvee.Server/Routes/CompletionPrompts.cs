using System.Text.Json;
using Cuvee.Formats.Json;
using Cuvee.Inference;

namespace Cuvee.Server.Routes;

/// <summary>OpenAI's <c>prompt</c>: a text, a list of texts, token ids, or a list of lists of them.</summary>
internal static class CompletionPrompts
{
    public static IReadOnlyList<TokenizedPrompt> Read(JsonField field, TextEncoder encoder, int vocabulary, int contextLength)
    {
        var first = field.IsList ? field.Items().FirstOrDefault() : field;
        if (field.IsList && field.Value.GetArrayLength() == 0) throw field.Error("is empty; give at least one prompt");
        var isOneOfIds = field.IsList && first.Value.ValueKind == JsonValueKind.Number;
        IReadOnlyList<JsonField> prompts = isOneOfIds || !field.IsList ? [field] : [.. field.Items()];
        return [.. prompts.Select((prompt, i) => Read(prompt, i, encoder, vocabulary, contextLength))];
    }

    private static TokenizedPrompt Read(JsonField prompt, int index, TextEncoder encoder, int vocabulary, int contextLength)
    {
        int[] tokens = prompt.IsList
            ? [.. prompt.Items().Select(item => item.Integer(0, vocabulary - 1))]
            : [.. encoder.Prompt(prompt.Text())];
        if (tokens.Length == 0) throw prompt.Error("has no token; give it text");
        return tokens.Length < contextLength
            ? new TokenizedPrompt($"{index}", tokens)
            : throw prompt.Error($"has {tokens.Length} tokens, which leaves no room in the model's context of {contextLength}; shorten it");
    }
}
