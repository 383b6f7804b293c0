using System.Text.Json;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>A value of a JSON file that knows its file and its path, so that every complaint names both.</summary>
internal readonly record struct JsonField(JsonElement Element, string Source, string Path)
{
    // The largest id: an id indexes arrays, and real vocabularies stay far below.
    private const int LargestId = 16_777_215;

    public bool IsText => Element.ValueKind == JsonValueKind.String;

    public bool IsList => Element.ValueKind == JsonValueKind.Array;

    public string Text => IsText ? Element.GetString()! : throw Fail("must be a string");

    public int Id => Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var id) && id is >= 0 and <= LargestId
        ? id
        : throw Fail($"must be a token id from 0 to {LargestId}");

    public int Count => Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var count) && count >= 0
        ? count
        : throw Fail("must be a whole number that is not negative");

    /// <returns>Null when the key is missing or its value is null.</returns>
    public JsonField? Optional(string name)
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw Fail("must be an object");
        return Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? Child(value, name) : null;
    }

    public JsonField Required(string name) => Optional(name) ?? throw Fail(name, "is missing");

    public bool Flag(string name, bool defaultValue) => Optional(name) is not { } field
        ? defaultValue
        : field.Element.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? field.Element.GetBoolean()
            : throw field.Fail("must be true or false");

    public char Character(string name)
    {
        var field = Required(name);
        return field.Text is [var single] ? single : throw field.Fail("must be one character");
    }

    public IEnumerable<JsonField> Items()
    {
        if (!IsList)
            throw Fail("must be a list");
        var field = this;
        return Element.EnumerateArray().Select((element, index) => new JsonField(element, field.Source, $"{field.Path}[{index}]"));
    }

    public TokenizerFormatException Fail(string name, string problem) =>
        new($"{Source}: {(Path.Length == 0 ? name : $"{Path}.{name}")}: {problem}.");

    public TokenizerFormatException Fail(string problem) => new($"{Source}: {(Path.Length == 0 ? "the file" : Path)}: {problem}.");

    private JsonField Child(JsonElement value, string name) => new(value, Source, Path.Length == 0 ? name : $"{Path}.{name}");
}
