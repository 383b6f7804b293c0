using System.Text.Json;
using Cuvee.Formats;

namespace Cuvee.Lab.Data;

/// <summary>Reads train.jsonl and test.jsonl: one record a line, in the fields of its <see cref="DataSetKind"/>.</summary>
internal static class DataRecordReader
{
    public static IReadOnlyList<DataRecord> Read(string path, DataSetKind kind)
    {
        if (!File.Exists(path))
            throw new BadInputException($"{path}: the file does not exist; a data set's folder holds train.jsonl and test.jsonl.");

        var records = new List<DataRecord>();
        var lineNumber = 0;
        foreach (var line in File.ReadLines(path))
        {
            lineNumber++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            try
            {
                using var document = JsonDocument.Parse(line);
                records.Add(ReadRecord(document.RootElement, kind));
            }
            catch (Exception exception)
                when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new BadInputException(
                    $"{path}, line {lineNumber}: not a {kind.ToString().ToLowerInvariant()} record ({FirstSentence(exception)}).",
                    exception);
            }
        }

        return records;
    }

    private static DataRecord ReadRecord(JsonElement line, DataSetKind kind)
    {
        var record = new DataRecord(Text(line, "text"));
        return kind switch
        {
            DataSetKind.Ner => record with { Entities = Array(line, "entities", e => new Entity(Text(e, "type"), Text(e, "text"))) },
            DataSetKind.Re => record with
            {
                Relations = Array(line, "relations", r => new Relation(Text(r, "type"), Text(r, "head"), Text(r, "tail"))),
            },
            DataSetKind.Event => record with { Events = Array(line, "events", ReadEvent) },
            DataSetKind.Classify => record with { Label = Text(line, "label") },
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind."),
        };
    }

    private static EventMention ReadEvent(JsonElement element) => new(
        Text(element, "type"),
        Text(element, "trigger"),
        Array(element, "arguments", a => new EventArgument(Text(a, "role"), Text(a, "text"))));

    private static T[] Array<T>(JsonElement parent, string field, Func<JsonElement, T> read)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(field, out var array)
            || array.ValueKind != JsonValueKind.Array)
            throw new FormatException($"\"{field}\" must be a list");
        return [.. array.EnumerateArray().Select(read)];
    }

    private static string Text(JsonElement parent, string field)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(field, out var value)
            || value.ValueKind != JsonValueKind.String)
            throw new FormatException($"\"{field}\" must be a text");
        return value.GetString()!;
    }

    private static string FirstSentence(Exception exception) => exception.Message.Split(". ")[0].TrimEnd('.');
}
