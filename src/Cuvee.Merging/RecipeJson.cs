using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;

namespace Cuvee.Merging;

/// <summary>
/// recipe.json: <c>{"space": "factors"|"delta", "adapters": [{"name", "keep_fraction"?: 0..1 (default 1), "weight": number}]}</c>. An
/// unknown, repeated or missing key is an error. Numbers round-trip exactly.
/// </summary>
public static class RecipeJson
{
    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="RecipeFormatException">The file is missing or its content is not a recipe.</exception>
    public static MergeRecipe Read(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RecipeFormatException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); name a recipe file.", exception);
        }

        return Parse(bytes, path);
    }

    /// <param name="utf8Json">A byte order mark is accepted.</param>
    /// <param name="source">Name of the text in errors.</param>
    /// <exception cref="RecipeFormatException">Not a recipe.</exception>
    public static MergeRecipe Parse(ReadOnlyMemory<byte> utf8Json, string source)
    {
        if (utf8Json.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) utf8Json = utf8Json[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8Json);
            return ReadRecipe(document.RootElement, source);
        }
        catch (JsonException exception)
        {
            throw new RecipeFormatException($"{source}: not valid JSON at line {exception.LineNumber + 1}: correct the syntax.", exception);
        }
    }

    /// <summary>Writes to a temporary file beside <paramref name="path"/> and renames.</summary>
    /// <exception cref="ArgumentException">A number is not finite or out of range, or a name repeats.</exception>
    public static void Write(string path, MergeRecipe recipe) => AtomicFile.WriteAllBytes(path, Serialize(recipe));

    /// <summary>UTF-8, indented, one trailing newline; the same recipe gives the same bytes.</summary>
    public static byte[] Serialize(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        RecipeChecks.ThrowIfMalformed(recipe);
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("space", recipe.Space == MergeSpace.Factors ? "factors" : "delta");
            writer.WriteStartArray("adapters");
            foreach (var share in recipe.Adapters)
            {
                writer.WriteStartObject();
                writer.WriteString("name", share.Name);
                writer.WriteNumber("keep_fraction", share.KeepFraction);
                writer.WriteNumber("weight", share.Weight);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static MergeRecipe ReadRecipe(JsonElement root, string source)
    {
        var fields = Fields(root, source, "the recipe", ["space", "adapters"], ["space", "adapters"]);
        var space = fields["space"] is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        if (fields["adapters"].ValueKind != JsonValueKind.Array)
        {
            throw new RecipeFormatException($"{source}: 'adapters' must be an array of {{\"name\", \"weight\"}} objects.");
        }

        var recipe = new MergeRecipe(
            space switch
            {
                "factors" => MergeSpace.Factors,
                "delta" => MergeSpace.Delta,
                _ => throw new RecipeFormatException($"{source}: 'space' must be \"factors\" or \"delta\"."),
            },
            [.. fields["adapters"].EnumerateArray().Select((element, index) => ReadShare(element, source, $"adapters[{index}]"))]);
        try
        {
            RecipeChecks.ThrowIfMalformed(recipe);
        }
        catch (ArgumentException exception)
        {
            throw new RecipeFormatException($"{source}: {exception.Message}", exception);
        }

        return recipe;
    }

    private static AdapterShare ReadShare(JsonElement element, string source, string where)
    {
        var fields = Fields(element, source, where, ["name", "keep_fraction", "weight"], ["name", "weight"]);
        if (fields["name"] is not { ValueKind: JsonValueKind.String } name || name.GetString() is not { Length: > 0 } text)
        {
            throw new RecipeFormatException($"{source}: '{where}.name' must be the name of an adapter.");
        }

        var keepFraction = fields.TryGetValue("keep_fraction", out var keep) ? Number(keep, source, $"{where}.keep_fraction") : 1;
        return new AdapterShare(text, Number(fields["weight"], source, $"{where}.weight"), keepFraction);
    }

    private static double Number(JsonElement element, string source, string where) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var value) && double.IsFinite(value)
            ? value
            : throw new RecipeFormatException($"{source}: '{where}' must be a finite number.");

    private static Dictionary<string, JsonElement> Fields(
        JsonElement element, string source, string where, IReadOnlyList<string> known, IReadOnlyList<string> required)
    {
        if (element.ValueKind != JsonValueKind.Object) throw new RecipeFormatException($"{source}: {where} must be a JSON object.");
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
            {
                throw new RecipeFormatException($"{source}: unknown key '{property.Name}' in {where}; known keys are " +
                    $"{string.Join(", ", known)}.");
            }

            if (!fields.TryAdd(property.Name, property.Value))
            {
                throw new RecipeFormatException($"{source}: key '{property.Name}' appears twice in {where}; keep one.");
            }
        }

        foreach (var name in required)
        {
            if (!fields.ContainsKey(name)) throw new RecipeFormatException($"{source}: key '{name}' is missing in {where}.");
        }

        return fields;
    }
}
