using System.Text.Json;

namespace Cuvee.Formats.Json;

/// <summary>
/// A JSON value that knows its file and its place in it, such as <c>rows[2].records.losses</c>: what is missing or of another kind than
/// asked for is a <see cref="BadInputException"/> that names both.
/// </summary>
/// <param name="source">Name of the file, with a line where it has one document a line.</param>
/// <param name="mend">What errors advise where the field's reader says nothing better.</param>
/// <param name="place">Empty at the root.</param>
public readonly struct JsonField(JsonElement value, string source, string mend, string place = "")
{
    /// <summary>The bare value, for long lists that are read without a check a piece.</summary>
    public JsonElement Value { get; } = value;

    public string Source => source;

    public bool IsText => Value.ValueKind == JsonValueKind.String;

    public bool IsList => Value.ValueKind == JsonValueKind.Array;

    public bool IsBoolean => Value.ValueKind is JsonValueKind.True or JsonValueKind.False;

    public bool IsObject => Value.ValueKind == JsonValueKind.Object;

    /// <summary>Neither null, false, an empty list nor an empty object.</summary>
    public bool IsSet => Value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.Array => Value.GetArrayLength() > 0,
        JsonValueKind.Object => Value.GetPropertyCount() > 0,
        _ => true,
    };

    /// <summary>The value as it stands in the file, cut after 60 characters.</summary>
    public string Shown => Value.GetRawText() is { Length: > 60 } text ? text[..57] + "..." : Value.GetRawText();

    /// <summary>The value of a key that must be there; JSON's null counts as a value.</summary>
    public JsonField this[string key] =>
        Object().TryGetProperty(key, out var child) ? Child(child, key) : throw Error(key, $"is missing; {mend}");

    /// <summary>Null when the key is absent or its value is JSON's null.</summary>
    public JsonField? Find(string key) =>
        Object().TryGetProperty(key, out var child) && child.ValueKind != JsonValueKind.Null ? Child(child, key) : null;

    /// <summary>Whether the key is there, JSON's null included.</summary>
    public bool Has(string key) => Object().TryGetProperty(key, out _);

    public IEnumerable<JsonField> Items()
    {
        if (!IsList) throw Error($"is {Shown}, not a list; {mend}");
        var (at, name, advice) = (place, source, mend);
        return Value.EnumerateArray().Select((item, i) => new JsonField(item, name, advice, $"{at}[{i}]"));
    }

    /// <summary>Keys and values in the order of the file.</summary>
    public IReadOnlyList<(string Key, JsonField Value)> Members()
    {
        var members = new List<(string, JsonField)>(Object().GetPropertyCount());
        foreach (var property in Value.EnumerateObject()) members.Add((property.Name, Child(property.Value, property.Name)));
        return members;
    }

    /// <summary>Refuses a key that nobody would read.</summary>
    public void RequireOnly(params IReadOnlyList<string> known)
    {
        foreach (var (key, _) in Members())
        {
            if (!known.Contains(key)) throw Error($"has the unknown key '{key}' (known are {string.Join(", ", known)}); {mend}");
        }
    }

    public int Integer(int minimum, int maximum = int.MaxValue) => (int)Long(minimum, maximum);

    public long Long(long minimum, long maximum = long.MaxValue) =>
        Value.ValueKind == JsonValueKind.Number && Value.TryGetInt64(out var number) && number >= minimum && number <= maximum
            ? number
            : throw Error($"is {Shown}, not an integer from {minimum} to {maximum}; {mend}");

    public ulong Unsigned() => Value.ValueKind == JsonValueKind.Number && Value.TryGetUInt64(out var number)
        ? number
        : throw Error($"is {Shown}, not an integer from 0 to {ulong.MaxValue}; {mend}");

    /// <returns>Finite, at least <paramref name="minimum"/>.</returns>
    public double Number(double minimum = double.NegativeInfinity) =>
        Value.ValueKind == JsonValueKind.Number && Value.TryGetDouble(out var number) && double.IsFinite(number) && number >= minimum
            ? number
            : throw Error($"is {Shown}, not a finite number{(double.IsFinite(minimum) ? $" from {minimum}" : "")}; {mend}");

    public bool Boolean() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error($"is {Shown}, not true or false; {mend}"),
    };

    public string Text()
    {
        if (!IsText) throw Error($"is {Shown}, not a string; {mend}");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new BadInputException($"{Where} is not valid Unicode; {mend}.", exception);
        }
    }

    /// <param name="problem">Follows the field's name: "is ..., ...; mend".</param>
    public BadInputException Error(string problem, Exception? inner = null) => new($"{Where} {problem}.", inner);

    /// <summary>The same about a key of this object.</summary>
    public BadInputException Error(string key, string problem) => Child(default, key).Error(problem);

    /// <summary>How an error about it begins: file and place.</summary>
    public string Where => place.Length == 0 ? $"{source}: the document" : $"{source}: '{place}'";

    private JsonElement Object() => IsObject ? Value : throw Error($"is {Shown}, not a JSON object; {mend}");

    private JsonField Child(JsonElement child, string key) =>
        new(child, source, mend, place.Length == 0 ? key : $"{place}.{key}");
}
