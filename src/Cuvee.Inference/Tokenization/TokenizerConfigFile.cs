using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Inference.Tokenization;

/// <summary><c>tokenizer_config.json</c>: what a folder says of its tokenizer beside the vocabulary.</summary>
internal static class TokenizerConfigFile
{
    public const string Name = "tokenizer_config.json";

    // Some list a description of every added token: Gemma's has a megabyte.
    private static readonly JsonDocumentKind Kind =
        new("a tokenizer_config.json", MaxBytes: 64 << 20, MaxDepth: 64, "use the tokenizer_config.json that came with the model");

    /// <returns>Null when there is none.</returns>
    /// <exception cref="BadInputException">It is broken.</exception>
    public static JsonFile? Open(string folder) =>
        Path.Combine(folder, Name) is var path && File.Exists(path) ? JsonFile.Read(path, Kind) : null;

    /// <summary>A token, given as text or as an added token's object; null when there is none.</summary>
    public static string? TokenText(JsonField? config, string key) =>
        config?.Find(key) is not { } field ? null : field.IsText ? field.Text() : field["content"].Text();
}
