using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Data;

/// <summary>
/// Labelled examples on disk, as JSON lines <c>{"prompt", "completion", "id"?}</c> or as an alpaca JSON array
/// <c>{"instruction", "input"?, "output", "history"?, "id"?}</c> (LLaMA-Factory's layout), told apart by the first character; in both, a
/// record may be a conversation instead, <c>{"messages": [{"role", "content"}...], "id"?}</c>, whose last turn is the completion.
/// </summary>
public static class RecordFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly JsonSerializerOptions WriteOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="template">Renders every record; null leaves prompts as they stand.</param>
    /// <returns>At least one record, in the order of the file, ids unique.</returns>
    /// <exception cref="BadInputException">
    /// Missing, empty or malformed file, or a field that is missing, empty, unknown or repeated, or turns that the template cannot write.
    /// </exception>
    public static IReadOnlyList<PromptCompletion> Read(string path, ChatTemplate? template = null)
    {
        template ??= ChatTemplates.None;
        return Parse(path).ConvertAll(conversation =>
        {
            try
            {
                var (prompt, completion) = template.Render(conversation.Messages);
                return new PromptCompletion(conversation.Id, prompt, completion);
            }
            catch (ArgumentException exception)
            {
                throw new BadInputException($"{path}, line {conversation.Line}: field \"messages\" {exception.Message}.", exception);
            }
        });
    }

    /// <summary>The first record is a list of messages.</summary>
    /// <exception cref="BadInputException">As <see cref="Read"/>.</exception>
    public static bool HoldsConversations(string path) => Parse(path)[0].IsChat;

    /// <summary>As the file states them, before any template.</summary>
    /// <exception cref="BadInputException">As <see cref="Read"/>.</exception>
    internal static IReadOnlyList<Conversation> ReadConversations(string path) => Parse(path);

    private static List<Conversation> Parse(string path)
    {
        var text = ReadText(path);
        var isArray = text.AsSpan().TrimStart() is ['[', ..];
        var parsed = isArray ? AlpacaRecords.Parse(path, text) : JsonLineRecords.Parse(path, text);
        if (parsed.Count == 0) throw new BadInputException($"{path}: holds no record; give at least one.");
        var lineOfId = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (id, _, line, _) in parsed)
        {
            if (!lineOfId.TryAdd(id, line))
            {
                throw new BadInputException(
                    $"{path}, line {line}: field \"id\" repeats \"{id}\" of line {lineOfId[id]}; give every record its own id, or none.");
            }
        }

        return parsed;
    }

    private static string ReadText(string path)
    {
        try
        {
            return Utf8.GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
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
