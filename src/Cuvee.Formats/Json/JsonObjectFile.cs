using System.Text.Json;

namespace Cuvee.Formats.Json;

/// <summary>
/// A file that holds one JSON object; every complaint is an exception of the owning format that names the file and the field.
/// </summary>
internal sealed class JsonObjectFile : IDisposable
{
    // adapter_config.json and config.json take kilobytes, a shard index of a large model a few megabytes.
    private const long MaxBytes = 64 << 20;

    private readonly JsonDocument _document;
    private readonly Func<string, Exception?, Exception> _error;

    private JsonObjectFile(string path, JsonDocument document, Func<string, Exception?, Exception> error)
    {
        Path = path;
        _document = document;
        _error = error;
    }

    public string Path { get; }

    public JsonElement Root => _document.RootElement;

    /// <param name="path">Must exist.</param>
    /// <param name="error">Makes the format's exception from a message and a cause.</param>
    public static JsonObjectFile Open(string path, Func<string, Exception?, Exception> error)
    {
        JsonDocument document;
        try
        {
            var length = new FileInfo(path).Length;
            if (length > MaxBytes)
                throw error($"{path}: the file has {length} bytes, over the {MaxBytes} that a configuration may take.", null);
            document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw error($"{path}: not valid JSON: {e.Message.TrimEnd('.')}; correct it.", e);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object) return new JsonObjectFile(path, document, error);
        document.Dispose();
        throw error($"{path}: the file does not hold one JSON object; correct it.", null);
    }

    /// <summary>The value of <paramref name="key"/>; null when it is absent or JSON null.</summary>
    public JsonElement? Find(string key) =>
        Root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Present and not null, false, "none", an empty list or an empty object.</summary>
    public bool IsSet(string key) => Find(key) is { } value && value.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        _ => true,
    };

    public int Integer(string key, int minimum, int maximum = int.MaxValue) =>
        OptionalInteger(key, minimum, maximum) ?? throw Error(key, "is missing; add it");

    public int? OptionalInteger(string key, int minimum, int maximum = int.MaxValue) =>
        Find(key) is { } value ? ToInteger(value, key, minimum, maximum) : null;

    public int ToInteger(JsonElement value, string key, int minimum, int maximum) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= minimum && number <= maximum
            ? number
            : throw Error(key, $"is {Shown(value)}, not an integer from {minimum} to {maximum}; correct it");

    public double? OptionalNumber(string key) => Find(key) is { } value ? ToNumber(value, key) : null;

    public double ToNumber(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw Error(key, $"is {Shown(value)}, not a finite number; correct it");

    public bool OptionalBoolean(string key) => Find(key) is { } value && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error(key, $"is {Shown(value)}, not true or false; correct it"),
    };

    public string? OptionalString(string key) => Find(key) is not { } value ? null : ToText(value, key);

    public string ToText(JsonElement value, string key)
    {
        if (value.ValueKind != JsonValueKind.String) throw Error(key, $"is {Shown(value)}, not a string; correct it");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw _error($"{Path}: '{key}' is not valid Unicode; correct it.", e);
        }
    }

    /// <param name="problem">Follows the field's name: "is ..., ...; mend".</param>
    public Exception Error(string key, string problem) => _error($"{Path}: '{key}' {problem}.", null);

    public static string Shown(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 60 ? text : text[..57] + "...";
    }

    public void Dispose() => _document.Dispose();
}
