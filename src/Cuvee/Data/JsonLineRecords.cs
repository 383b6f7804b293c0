using System.Text.Json;

namespace Cuvee.Data;

/// <summary>
/// JSON lines <c>{"prompt", "completion", "id"?}</c>; blank lines are skipped but counted, so that an id is the line it stands in.
/// </summary>
internal static class JsonLineRecords
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <returns>Records with their 1-based lines.</returns>
    public static List<(PromptCompletion Record, int Line)> Parse(string path, string text)
    {
        var records = new List<(PromptCompletion, int)>();
        var line = 0;
        foreach (var content in text.Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(content)) continue;
            try
            {
                using var document = JsonDocument.Parse(content, Strict);
                var fields = new RecordFields(document.RootElement, path, line);
                records.Add((new PromptCompletion(fields.Id(line - 1), fields.Required("prompt"), fields.Required("completion")), line));
            }
            catch (JsonException exception)
            {
                throw new RecordFileException(
                    $"{path}, line {line}: not valid JSON ({exception.Message.Split(". ")[0].TrimEnd('.')}); write one object a line.",
                    exception);
            }
        }

        return records;
    }
}
