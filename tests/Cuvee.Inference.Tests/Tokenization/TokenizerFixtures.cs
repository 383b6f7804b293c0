using System.Text.Json;

namespace Cuvee.Inference.Tests.Tokenization;

/// <summary>
/// The files of <c>tests/fixtures/tokenizers</c>; <c>generate.mjs</c> there makes the expectations with Hugging Face's own implementation.
/// </summary>
internal static class TokenizerFixtures
{
    public const string VocabularyVariable = "CUVEE_TOKENIZERS";

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fixtures", "tokenizers");

    public static string PathOf(string name) => Path.Combine(Folder, name);

    /// <returns>Null when the real vocabularies were not fetched.</returns>
    public static string? VocabularyPath(string family) =>
        Environment.GetEnvironmentVariable(VocabularyVariable) is { Length: > 0 } folder
            ? Path.Combine(folder, family, "tokenizer.json")
            : null;

    public static string[] Texts() => JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(PathOf("texts.json")))!;

    /// <returns>By text; null where the generator has no expectation (it says why).</returns>
    public static (int[] Ids, int[] Plain, string Decoded)?[] Expected(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(PathOf("expected.json")));
        return [.. document.RootElement.GetProperty(name).EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Null
            ? default((int[], int[], string)?)
            : (Ints(item.GetProperty("ids")), Ints(item.GetProperty("plain")), item.GetProperty("decoded").GetString()!))];
    }

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetInt32())];
}
