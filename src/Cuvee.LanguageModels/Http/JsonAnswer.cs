using System.Text.Json;

namespace Cuvee.LanguageModels.Http;

/// <summary>Reads an answer of a service, which may lack anything.</summary>
public static class JsonAnswerExtensions
{
    // llama.cpp writes a log-probability of minus infinity as the lowest float.
    private const double LowestLogProbability = -3e38;

    // A log-softmax rounded in fp16 can end a little above 0.
    private const double HighestLogProbability = 1e-2;

    /// <exception cref="UnusableAnswerException">No such key.</exception>
    public static JsonElement Member(this JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(key, out var member)
            ? member
            : throw new UnusableAnswerException($"lacks '{key}'");

    public static JsonElement? Find(this JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(key, out var member) && member.ValueKind != JsonValueKind.Null
            ? member
            : null;

    /// <exception cref="UnusableAnswerException">Not a list.</exception>
    public static IReadOnlyList<JsonElement> Items(this JsonElement value, string name) => value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray()]
        : throw new UnusableAnswerException($"has no list '{name}'");

    public static string Text(this JsonElement value, string name) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw new UnusableAnswerException($"has no text '{name}'");

    public static int Integer(this JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw new UnusableAnswerException($"has no whole number '{name}'");

    /// <summary>In nats, finite and not above 0 by more than rounding.</summary>
    public static double LogProbability(this JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            && number is > LowestLogProbability and < HighestLogProbability
            ? number
            : throw new UnusableAnswerException($"has {value.GetRawText()} as log-probability '{name}'");
}
