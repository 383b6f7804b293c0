using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Merging;

/// <summary>
/// recipe.json, one of
/// <list type="bullet">
/// <item>weighted adapters, <c>{"space": "factors"|"delta", "pruned"?: "a"|"b"|"both" (default "a"), "adapters": [{"name",
/// "keep_fraction"?: 0..1 (default 1), "weight"}]}</c>,
/// where weight and keep_fraction are a number or an object of numbers per group of modules (<see cref="GroupValues"/>) with
/// <c>"default"</c> for the other modules (when absent: weight 0, keep_fraction 1);</item>
/// <item>a merge method, <c>{"method", "parameters"?: {name: number}, "adapters": [{"name", parameter: number}], "seed"?: 0}</c>, where
/// whole models may have an object of numbers per group for a parameter, too;</item>
/// <item>a path through layers of whole models, <c>{"first"?: name, "path": [{"model"?: name, "layer", "scale"?: 1}], "merged"?:
/// recipe}</c>, where an absent name means the merged model.</item>
/// </list>
/// An unknown, repeated or missing key is an error. Numbers round-trip exactly.
/// </summary>
public static class RecipeJson
{
    // The deepest document is {"merged": {"adapters": [{"weight": {}}]}}: five levels.
    private static readonly JsonDocumentKind Kind = new("a recipe", MaxBytes: 64 << 20, MaxDepth: 16, "correct it");

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="BadInputException">The file is missing or its content is not a recipe.</exception>
    public static MergeRecipe Read(string path)
    {
        using var file = JsonFile.Read(path, Kind);
        return RecipeReader.Read(file.Root);
    }

    /// <param name="utf8Json">A byte order mark is accepted.</param>
    /// <param name="source">Name of the text in errors.</param>
    /// <exception cref="BadInputException">Not a recipe.</exception>
    public static MergeRecipe Parse(ReadOnlyMemory<byte> utf8Json, string source)
    {
        using var file = JsonFile.Parse(utf8Json, source, Kind);
        return RecipeReader.Read(file.Root);
    }

    /// <summary>Writes to a temporary file beside <paramref name="path"/> and renames.</summary>
    /// <exception cref="ArgumentException">A number is not finite or out of range, or a name repeats.</exception>
    public static void Write(string path, MergeRecipe recipe) => AtomicFile.WriteAllBytes(path, Serialize(recipe));

    /// <summary>
    /// UTF-8, indented, one trailing newline; the same recipe gives the same bytes, whatever the order in which groups and parameters were
    /// given.
    /// </summary>
    public static byte[] Serialize(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, WriterOptions)) WriteRecipe(writer, recipe);
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void WriteRecipe(Utf8JsonWriter writer, MergeRecipe recipe)
    {
        RecipeChecks.ThrowIfMalformed(recipe);
        writer.WriteStartObject();
        switch (recipe)
        {
            case WeightedRecipe weighted:
                WriteWeighted(writer, weighted);
                break;
            case MethodRecipe method:
                WriteMethod(writer, method);
                break;
            case PathRecipe path:
                WritePath(writer, path);
                break;
        }

        writer.WriteEndObject();
    }

    private static void WritePath(Utf8JsonWriter writer, PathRecipe recipe)
    {
        if (recipe.First is { } first) writer.WriteString("first", first);
        writer.WriteStartArray("path");
        foreach (var step in recipe.Steps)
        {
            writer.WriteStartObject();
            if (step.Model is { } model) writer.WriteString("model", model);
            writer.WriteNumber("layer", step.Layer);
            writer.WriteNumber("scale", step.InputScale);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (recipe.Merged is null) return;
        writer.WritePropertyName("merged");
        WriteRecipe(writer, recipe.Merged);
    }

    private static void WriteWeighted(Utf8JsonWriter writer, WeightedRecipe recipe)
    {
        writer.WriteString("space", recipe.Space == MergeSpace.Factors ? "factors" : "delta");
        if (recipe.Pruned != PrunedFactor.LoraA) writer.WriteString("pruned", recipe.Pruned == PrunedFactor.LoraB ? "b" : "both");
        writer.WriteStartArray("adapters");
        foreach (var share in recipe.Adapters)
        {
            writer.WriteStartObject();
            writer.WriteString("name", share.Name);
            WriteGroups(writer, "keep_fraction", share.KeepFraction, share.GroupKeepFractions);
            WriteGroups(writer, "weight", share.Weight, share.GroupWeights);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteGroups(Utf8JsonWriter writer, string key, double? others, GroupValues groups)
    {
        if (groups.Count == 0)
        {
            if (others is { } all) writer.WriteNumber(key, all);
            return;
        }

        writer.WriteStartObject(key);
        if (others is { } rest) writer.WriteNumber(GroupValues.Default, rest);
        foreach (var (group, value) in groups) writer.WriteNumber(group, value);
        writer.WriteEndObject();
    }

    private static void WriteMethod(Utf8JsonWriter writer, MethodRecipe recipe)
    {
        writer.WriteString("method", recipe.Method);
        writer.WriteStartObject("parameters");
        WriteParameters(writer, recipe.Parameters);
        writer.WriteEndObject();
        writer.WriteStartArray("adapters");
        foreach (var adapter in recipe.Adapters)
        {
            writer.WriteStartObject();
            writer.WriteString("name", adapter.Name);
            WriteParameters(
                writer, adapter.Parameters.Where(parameter => !adapter.GroupParameters.ContainsKey(parameter.Key)));
            foreach (var (name, groups) in adapter.GroupParameters.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
                WriteGroups(writer, name, adapter.Parameters.TryGetValue(name, out var others) ? others : null, groups);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("seed", recipe.Seed);
    }

    private static void WriteParameters(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, double>> parameters)
    {
        foreach (var (name, value) in parameters.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
            writer.WriteNumber(name, value);
    }
}
