namespace Cuvee.Merging;

/// <summary>
/// The name of a base model without what people put around it: folder, organisation, cache layout, and the suffixes of quantised repacks,
/// so that adapters trained on different copies of one model are seen to belong together.
/// </summary>
internal static class BaseModelName
{
    private static readonly string[] RepackSuffixes =
        ["-bnb-4bit", "-unsloth", "-gptq", "-awq", "-gguf", "-4bit", "-8bit", "-int4", "-int8", "-fp8", "-bf16", "-hf"];

    /// <summary>Null where nothing is named.</summary>
    public static string? Normalise(string? nameOrPath)
    {
        var parts = (nameOrPath ?? "").ToLowerInvariant().Split(['/', '\\'],
            StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length == 0) return null;
        // The hub's cache: models--ORGANISATION--NAME/snapshots/HASH
        var name = parts.LastOrDefault(part => part.StartsWith("models--", StringComparison.Ordinal))?.Split("--")[^1] ?? parts[^1];
        if (name.StartsWith("meta-llama-", StringComparison.Ordinal)) name = name["meta-".Length..];
        for (var before = ""; before != name;)
        {
            before = name;
            foreach (var suffix in RepackSuffixes)
            {
                if (name.Length > suffix.Length && name.EndsWith(suffix, StringComparison.Ordinal)) name = name[..^suffix.Length];
            }
        }

        return name;
    }
}
