using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;

namespace Cuvee.Merging;

/// <summary>
/// recipe.json, one of
/// <list type="bullet">
/// <item>weighted adapters, <c>{"space": "factors"|"delta", "adapters": [{"name", "keep_fraction"?: 0..1 (default 1), "weight"}]}</c>,
/// where weight and keep_fraction are a number or an object of numbers per group of modules (<see cref="GroupValues"/>) with
/// <c>"default"</c> for the other modules (when absent: weight 0, keep_fraction 1);</item>
/// <item>a merge method, <c>{"method", "parameters"?: {name: number}, "adapters": [{"name", parameter: number}], "seed"?: 0}</c>.</item>
/// </list>
/// An unknown, repeated or missing key is an error. Numbers round-trip exactly.
/// </summary>
public static class RecipeJson
{
    private const int MaxBytes = 64 << 20;

    // The deepest document is {"adapters": [{"weight": {}}]}: four levels.
    private const int MaxDepth = 16;

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
            ThrowIfTooLong(new FileInfo(path).Length, path);
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
        ThrowIfTooLong(utf8Json.Length, source);
        if (utf8Json.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) utf8Json = utf8Json[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8Json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return new RecipeReader(source).Read(document.RootElement);
        }
        catch (InvalidOperationException exception)
        {
            throw new RecipeFormatException($"{source}: a name is not valid Unicode; correct it.", exception);
        }
        catch (JsonException exception) when (IsTooDeep(utf8Json.Span))
        {
            throw new RecipeFormatException($"{source}: brackets are nested more than {MaxDepth} deep; a recipe needs four.", exception);
        }
        catch (JsonException exception)
        {
            throw new RecipeFormatException($"{source}: not valid JSON at line {exception.LineNumber + 1}: correct the syntax.", exception);
        }
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
        using (var writer = new Utf8JsonWriter(stream, WriterOptions))
        {
            writer.WriteStartObject();
            switch (recipe)
            {
                case WeightedRecipe weighted:
                    RecipeChecks.ThrowIfMalformed(weighted);
                    WriteWeighted(writer, weighted);
                    break;
                case MethodRecipe method:
                    RecipeChecks.ThrowIfMalformed(method);
                    WriteMethod(writer, method);
                    break;
                default:
                    throw new ArgumentException($"A recipe of kind {recipe.GetType().Name} cannot be written.");
            }

            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void WriteWeighted(Utf8JsonWriter writer, WeightedRecipe recipe)
    {
        writer.WriteString("space", recipe.Space == MergeSpace.Factors ? "factors" : "delta");
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

    private static void WriteGroups(Utf8JsonWriter writer, string key, double others, GroupValues groups)
    {
        if (groups.Count == 0)
        {
            writer.WriteNumber(key, others);
            return;
        }

        writer.WriteStartObject(key);
        writer.WriteNumber(GroupValues.Default, others);
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
            WriteParameters(writer, adapter.Parameters);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("seed", recipe.Seed);
    }

    private static void WriteParameters(Utf8JsonWriter writer, IReadOnlyDictionary<string, double> parameters)
    {
        foreach (var (name, value) in parameters.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
            writer.WriteNumber(name, value);
    }

    private static void ThrowIfTooLong(long length, string source)
    {
        if (length <= MaxBytes) return;
        throw new RecipeFormatException($"{source}: {length} bytes are over the {MaxBytes} that a recipe may take; name a recipe file.");
    }

    private static bool IsTooDeep(ReadOnlySpan<byte> utf8Json)
    {
        var reader = new Utf8JsonReader(utf8Json, new JsonReaderOptions { MaxDepth = MaxDepth + 1 });
        try
        {
            while (reader.Read())
            {
                if (reader is { TokenType: JsonTokenType.StartArray or JsonTokenType.StartObject, CurrentDepth: >= MaxDepth }) return true;
            }
        }
        catch (JsonException)
        {
            // Broken before it is too deep.
        }

        return false;
    }
}

/// <summary>A recipe file that Cuvee refuses; the message names the file, the key and the mend.</summary>
public sealed class RecipeFormatException(string message, Exception? inner = null) : FormatException(message, inner);
