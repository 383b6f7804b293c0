using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;

namespace Cuvee.Data;

/// <summary>
/// Labelled examples on disk, as JSON lines <c>{"prompt", "completion", "id"?}</c> or as an alpaca JSON array
/// <c>{"instruction", "input"?, "output", "history"?, "id"?}</c> (LLaMA-Factory's layout). Which of the two is told by the first character.
/// </summary>
public static class RecordFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly JsonSerializerOptions WriteOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <returns>At least one record, in the order of the file, ids unique.</returns>
    /// <exception cref="BadInputException">
    /// Missing, empty or malformed file, or a field that is missing, empty, unknown or repeated.
    /// </exception>
    public static IReadOnlyList<PromptCompletion> Read(string path)
    {
        string text;
        try
        {
            text = Utf8.GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path}: cannot be read ({exception.Message.TrimEnd('.')}); give a file of JSON lines.",
                exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new BadInputException($"{path}: not UTF-8 text; save it as UTF-8.", exception);
        }

        var isArray = text.AsSpan().TrimStart() is ['[', ..];
        var parsed = isArray ? AlpacaRecords.Parse(path, text) : JsonLineRecords.Parse(path, text);
        if (parsed.Count == 0) throw new BadInputException($"{path}: holds no record; give at least one.");
        var lineOfId = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (record, line) in parsed)
        {
            if (!lineOfId.TryAdd(record.Id, line))
            {
                throw new BadInputException(
                    $"{path}, line {line}: field \"id\" repeats \"{record.Id}\" of line {lineOfId[record.Id]}; " +
                    "give every record its own id, or none.");
            }
        }

        return parsed.ConvertAll(p => p.Record);
    }

    /// <summary>Writes JSON lines with id, prompt and completion; the file appears under its name only when it is complete.</summary>
    public static void Write(string path, IEnumerable<PromptCompletion> records)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(directory);
        Formats.AtomicFile.Write(path, stream =>
        {
            using var writer = new StreamWriter(stream, Utf8, leaveOpen: true) { NewLine = "\n" };
            foreach (var record in records)
            {
                writer.WriteLine(JsonSerializer.Serialize(
                    new { id = record.Id, prompt = record.Prompt, completion = record.Completion },
                    WriteOptions));
            }
        });
    }
}
