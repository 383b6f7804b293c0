using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cuvee.Journaling;

/// <summary>
/// evaluations.jsonl: one line a candidate evaluation, on the disk (fsync) before the evaluation counts. A process killed at any moment
/// leaves whole lines and at
/// most one torn one, which <see cref="Open"/> cuts off. Resuming is answering the first questions of a deterministic run from <see
/// cref="Replay"/>. Not thread-safe.
/// </summary>
public sealed class Journal : IDisposable
{
    public const string FileName = "evaluations.jsonl";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a non-finite loss is an answer too
        Converters = { new JsonStringEnumConverter<EvaluationPurpose>() },
    };

    private readonly FileStream stream;
    private readonly IReadOnlyList<JournalLine> earlier;
    private int replayed;

    private Journal(string path, FileStream stream, IReadOnlyList<JournalLine> earlier) =>
        (Path, this.stream, this.earlier) = (path, stream, earlier);

    public string Path { get; }

    /// <summary>Lines of an earlier process that no question has asked for yet.</summary>
    public int ReplayRemaining => earlier.Count - replayed;

    /// <summary>Opens for appending, or creates; a torn last line is cut off.</summary>
    /// <exception cref="JournalException">A line before the last one is damaged, or another process writes this journal.</exception>
    public static Journal Open(string path)
    {
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new JournalException(
                $"{path}: cannot be opened ({exception.Message.TrimEnd('.')}); is another run writing here?", exception);
        }

        try
        {
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
            if (whole < bytes.Length)
            {
                stream.SetLength(whole);
                stream.Flush(flushToDisk: true);
            }

            stream.Position = whole;
            return new Journal(path, stream, Parse(bytes.AsSpan(0, whole), path));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The lines of a finished or broken-off journal; a torn last line is left out.</summary>
    public static IReadOnlyList<JournalLine> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        return Parse(bytes.AsSpan(0, Array.LastIndexOf(bytes, (byte)'\n') + 1), path);
    }

    /// <summary>The recorded answer to <paramref name="question"/>, or null when the earlier process got no further.</summary>
    /// <param name="question">Stage to records are compared; its answer fields are not.</param>
    /// <exception cref="JournalException">The journal answers another question here: it belongs to other settings or another
    /// build.</exception>
    public JournalLine? Replay(JournalLine question)
    {
        ArgumentNullException.ThrowIfNull(question);
        if (ReplayRemaining == 0) return null;
        var line = earlier[replayed];
        if (!line.AnswersSameAs(question))
        {
            throw new JournalException(
                $"{Path}, line {replayed + 1}: holds {line.Stage}/{line.Iteration}/{line.Trial} at another point or on other " +
                "records than this run asks for; resume with the run file, inputs and version that began it, or choose a new 'out'.");
        }

        replayed++;
        return line;
    }

    /// <summary>Returns when the line is on the disk.</summary>
    public void Append(JournalLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (ReplayRemaining > 0) throw new InvalidOperationException("The recorded lines come first.");
        stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, Options) + "\n"));
        stream.Flush(flushToDisk: true);
    }

    public void Dispose() => stream.Dispose();

    private static List<JournalLine> Parse(ReadOnlySpan<byte> bytes, string path)
    {
        var lines = new List<JournalLine>();
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOf((byte)'\n');
            try
            {
                lines.Add(JsonSerializer.Deserialize<JournalLine>(bytes[..end], Options) ?? throw new JsonException("null"));
            }
            catch (JsonException exception)
            {
                throw new JournalException(
                    $"{path}, line {lines.Count + 1}: damaged; remove this line and all after it to resume from there.", exception);
            }

            bytes = bytes[(end + 1)..];
        }

        return lines;
    }
}
