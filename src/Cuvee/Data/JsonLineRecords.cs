using System.Text;
using Cuvee.Formats.Json;

namespace Cuvee.Data;

/// <summary>
/// JSON lines <c>{"prompt", "completion", "id"?}</c>; blank lines are skipped but counted, so that an id is the line it stands in.
/// </summary>
internal static class JsonLineRecords
{
    /// <returns>Records with their 1-based lines.</returns>
    public static List<(PromptCompletion Record, int Line)> Parse(string path, string text)
    {
        var records = new List<(PromptCompletion, int)>();
        var line = 0;
        foreach (var content in text.Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(content)) continue;
            using var json = JsonFile.Parse(Encoding.UTF8.GetBytes(content), $"{path}, line {line}", RecordFields.Kind);
            var fields = new RecordFields(json.Root);
            records.Add((new PromptCompletion(fields.Id(line - 1), fields.Required("prompt"), fields.Required("completion")), line));
        }

        return records;
    }
}
