using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cuvee.Formats;

namespace Cuvee.Journaling;

/// <summary>
/// evaluations.jsonl: one line a candidate evaluation, in the order told, flushed before the evaluation counts. It follows from the
/// observations: a resumed run writes the same lines again, which are compared instead of appended as far as they are there.
/// </summary>
public sealed class EvaluationLog : IDisposable
{
    public const string FileName = "evaluations.jsonl";

    private const int LongestLine = 256 << 20; // bytes

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a non-finite loss is an answer too
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly FileStream stream;
    private readonly LineReader earlier;
    private readonly string path;
    private bool isComparing = true;
    private int lineNumber;

    private EvaluationLog(string path, FileStream stream) =>
        (this.path, this.stream, earlier) = (path, stream, new LineReader(stream, LongestLine));

    /// <param name="restart">Forget what is there.</param>
    public static EvaluationLog Open(string path, bool restart)
    {
        try
        {
            return new EvaluationLog(
                path,
                new FileStream(path, restart ? FileMode.Create : FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path}: cannot be opened ({exception.Message.TrimEnd('.')}); is another run writing here?", exception);
        }
    }

    /// <summary>The lines of a finished or broken-off run; a torn last line is left out.</summary>
    /// <exception cref="BadInputException">A line is damaged.</exception>
    public static IEnumerable<EvaluationLine> Read(string path)
    {
        using var stream = File.OpenRead(path);
        var lines = new LineReader(stream, LongestLine);
        for (var number = 1; ; number++)
        {
            var line = lines.Next();
            if (line.IsEmpty) yield break;
            EvaluationLine? parsed;
            try
            {
                parsed = JsonSerializer.Deserialize<EvaluationLine>(line.Span, Options);
            }
            catch (JsonException exception)
            {
                throw new BadInputException($"{path}, line {number}: damaged; resume the run to write it again.", exception);
            }

            yield return parsed ?? throw new BadInputException($"{path}, line {number}: damaged; resume the run to write it again.");
        }
    }

    /// <exception cref="BadInputException">An earlier process wrote another evaluation here.</exception>
    public void Append(EvaluationLine line)
    {
        var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, Options) + "\n");
        lineNumber++;
        if (isComparing)
        {
            var before = earlier.Consumed;
            var known = earlier.Next();
            if (!known.IsEmpty)
            {
                if (known.Span.SequenceEqual(bytes.AsSpan(0, bytes.Length - 1))) return;
                throw new BadInputException(
                    $"{path}, line {lineNumber}: holds another evaluation than this run makes; resume with the run file, inputs and " +
                    "version that began it, or choose a new 'out'.");
            }

            isComparing = false;
            stream.SetLength(before); // a torn last line goes
            stream.Position = before;
        }

        stream.Write(bytes);
        stream.Flush();
    }

    public void Dispose() => stream.Dispose();
}

/// <summary>One candidate evaluation.</summary>
public sealed record EvaluationLine
{
    public required string Stage { get; init; }

    public required EvaluationPurpose Purpose { get; init; }

    /// <summary>Iterations told before this one.</summary>
    public required int Iteration { get; init; }

    /// <summary>Position among the questions of one iteration and purpose.</summary>
    public required int Trial { get; init; }

    /// <summary>Genotype, [Dimension], round-trip; absent where a recipe came from no search space.</summary>
    public IReadOnlyList<double>? Point { get; init; }

    /// <summary>Adapter or row that was measured, where no genotype tells.</summary>
    public string? Subject { get; init; }

    /// <summary>0-based positions in the record file.</summary>
    public required IReadOnlyList<int> Records { get; init; }

    /// <summary>Of the run's objective, without penalty.</summary>
    public double Loss { get; init; }

    public double Penalty { get; init; }

    /// <summary>Sum over each record's answer in nats, [records]; absent where answers were read.</summary>
    public IReadOnlyList<double>? LogProbabilities { get; init; }

    /// <summary>Scored or generated tokens of each record, [records].</summary>
    public IReadOnlyList<int> AnswerTokens { get; init; } = [];

    /// <summary>Queries that this evaluation cost; cache hits are free.</summary>
    public int Queries { get; init; }

    /// <summary>Prompt and answer tokens that this evaluation cost.</summary>
    public long Tokens { get; init; }
}
