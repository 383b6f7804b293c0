using System.Text;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Data;

/// <summary>
/// An alpaca array without a template: the prompt is the instruction, then a new line and the input if it has one; earlier turns of
/// <c>history</c> stand before it, each as question, new line, answer, new line. Ids default to the 0-based place in the array.
/// </summary>
internal static class AlpacaRecords
{
    /// <returns>Records with the 1-based lines on which they begin.</returns>
    public static List<(PromptCompletion Record, int Line)> Parse(string path, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var records = new List<(PromptCompletion, int)>();
        try
        {
            var reader = new Utf8JsonReader(utf8);
            reader.Read(); // the opening bracket, seen by the caller
            var line = 1;
            var counted = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var start = (int)reader.TokenStartIndex;
                line += utf8.AsSpan(counted, start - counted).Count((byte)'\n');
                counted = start;
                reader.Skip();
                var record = utf8.AsMemory(start, (int)reader.BytesConsumed - start);
                using var json = JsonFile.Parse(record, $"{path}, line {line}", RecordFields.Kind);
                records.Add((ReadRecord(new RecordFields(json.Root), records.Count), line));
            }

            if (reader.Read()) throw new JsonException("text follows the array", null, null, null);
        }
        catch (JsonException exception)
        {
            var where = exception.LineNumber is { } zeroBased ? $", line {zeroBased + 1}" : "";
            throw new BadInputException(
                $"{path}{where}: not a valid JSON array ({exception.Message.Split(". ")[0].TrimEnd('.')}); mend it or give JSON lines.",
                exception);
        }

        return records;
    }

    private static PromptCompletion ReadRecord(RecordFields fields, int position)
    {
        var prompt = new StringBuilder();
        foreach (var (question, answer) in fields.Turns("history")) prompt.Append(question).Append('\n').Append(answer).Append('\n');
        prompt.Append(fields.Required("instruction"));
        if (fields.Optional("input") is { Length: > 0 } input) prompt.Append('\n').Append(input);
        return new PromptCompletion(fields.Id(position), prompt.ToString(), fields.Required("output"));
    }
}
