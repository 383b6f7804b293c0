using System.Text;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Data;

/// <summary>
/// An alpaca array: a question is the instruction, then a new line and the input if it has one; the turns of <c>history</c> stand before
/// it. Objects with <c>messages</c> are conversations. Ids default to the 0-based place in the array.
/// </summary>
internal static class AlpacaRecords
{
    public static List<Conversation> Parse(string path, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var records = new List<Conversation>();
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
                var fields = new RecordFields(json.Root);
                var messages = fields.Messages();
                records.Add(new Conversation(fields.Id(records.Count), messages ?? ReadTurns(fields), line, IsChat: messages is not null));
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

    private static List<ChatMessage> ReadTurns(RecordFields fields)
    {
        var turns = new List<ChatMessage>();
        foreach (var (question, answer) in fields.Turns("history")) turns.AddRange(Conversation.Of(question, answer));
        var instruction = fields.Required("instruction");
        var input = fields.Optional("input");
        turns.AddRange(Conversation.Of(input is { Length: > 0 } ? $"{instruction}\n{input}" : instruction, fields.Required("output")));
        return turns;
    }
}
