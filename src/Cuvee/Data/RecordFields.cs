using System.Text.Json;

namespace Cuvee.Data;

/// <summary>
/// The fields of one JSON object, checked: a field that is missing, empty or of the wrong type is an error that names it. Further columns
/// are the user's own.
/// </summary>
internal readonly struct RecordFields
{
    private readonly JsonElement element;
    private readonly string path;
    private readonly int line;

    /// <param name="line">1-based, for messages.</param>
    public RecordFields(JsonElement element, string path, int line)
    {
        (this.element, this.path, this.line) = (element, path, line);
        if (element.ValueKind != JsonValueKind.Object)
            throw new RecordFileException($"{path}, line {line}: expected a JSON object, found {Describe(element)}.");
    }

    public string Required(string field)
    {
        if (!element.TryGetProperty(field, out var value))
        {
            var found = string.Join(", ", element.EnumerateObject().Take(8).Select(property => $"\"{property.Name}\""));
            throw Error(field, $"is missing; add it{(found.Length > 0 ? $" (the record has {found})" : "")}");
        }

        var text = Text(field, value);
        return text.Length > 0 ? text : throw Error(field, "is empty; give a text or remove the record");
    }

    /// <summary>Null when the field is absent or null.</summary>
    public string? Optional(string field) =>
        element.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? Text(field, value) : null;

    /// <summary>A text or an integer; <paramref name="position"/> when absent.</summary>
    public string Id(int position)
    {
        if (!element.TryGetProperty("id", out var value)) return position.ToString();
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)) return number.ToString();
        var text = Text("id", value);
        return text.Length > 0 ? text : throw Error("id", "is empty; give a text or leave the field out");
    }

    /// <summary>Earlier turns as [question, answer] pairs; empty when the field is absent or null.</summary>
    public IReadOnlyList<(string Question, string Answer)> Turns(string field)
    {
        if (!element.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null) return [];
        if (value.ValueKind != JsonValueKind.Array)
            throw Error(field, $"must be a list of [question, answer] pairs, not {Describe(value)}");
        var turns = new List<(string, string)>();
        foreach (var turn in value.EnumerateArray())
        {
            if (turn.ValueKind != JsonValueKind.Array || turn.GetArrayLength() != 2)
                throw Error(field, "must be a list of [question, answer] pairs");
            turns.Add((Text(field, turn[0]), Text(field, turn[1])));
        }

        return turns;
    }

    private string Text(string field, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) throw Error(field, $"must be a text, not {Describe(value)}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new RecordFileException(
                $"{path}, line {line}: field \"{field}\" holds half a surrogate pair; write valid Unicode.",
                exception);
        }
    }

    private RecordFileException Error(string field, string what) => new($"{path}, line {line}: field \"{field}\" {what}.");

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a truth value",
        JsonValueKind.Null => "null",
        _ => "a text",
    };
}
