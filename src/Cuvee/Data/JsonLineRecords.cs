using System.Text;
using Cuvee.Formats.Json;

namespace Cuvee.Data;

/// <summary>
/// JSON lines <c>{"prompt", "completion", "id"?}</c> or <c>{"messages", "id"?}</c>; blank lines are skipped but counted, so that an id is
/// the line it stands in.
/// </summary>
internal static class JsonLineRecords
{
    public static List<Conversation> Parse(string path, string text)
    {
        var records = new List<Conversation>();
        var line = 0;
        foreach (var content in text.Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(content)) continue;
            using var json = JsonFile.Parse(Encoding.UTF8.GetBytes(content), $"{path}, line {line}", RecordFields.Kind);
            var fields = new RecordFields(json.Root);
            var messages = fields.Messages();
            var turns = messages ?? Conversation.Of(fields.Required("prompt"), fields.Required("completion"));
            records.Add(new Conversation(fields.Id(line - 1), turns, line, IsChat: messages is not null));
        }

        return records;
    }
}
