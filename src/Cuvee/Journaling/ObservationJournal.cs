using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cuvee.Formats;
using Cuvee.Objectives;

namespace Cuvee.Journaling;

/// <summary>
/// observations.jsonl: one line an answered record, on the disk (fsync) before it counts, in the order of arrival; each line ends with a
/// checksum of what stands before it. A process killed at any moment leaves whole lines and at most one torn one, which
/// <see cref="Open"/> cuts off. Resuming is answering the questions of a deterministic run from <see cref="Replay"/>. Read as a stream:
/// memory holds the questions in flight, however long the file. Thread-safe.
/// </summary>
public sealed class ObservationJournal : IDisposable
{
    public const string FileName = "observations.jsonl";

    private const int CheckDigits = 16;
    private const int LongestLine = 64 << 20; // bytes
    private static readonly byte[] CheckKey = Encoding.ASCII.GetBytes(",\"check\":\"");
    private static readonly int CheckLength = CheckKey.Length + CheckDigits + 2; // with the closing quote and brace

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a non-finite score is an answer too
        MaxDepth = 8,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly Lock gate = new();
    private readonly FileStream stream;
    private readonly LineReader reader;
    private readonly Dictionary<QuestionKey, Dictionary<int, Line>> waiting = []; // read, not asked for yet
    private bool isReading = true;
    private int lineNumber;
    private string? failure; // of a write; nothing is written after it

    private ObservationJournal(string path, FileStream stream)
    {
        (Path, this.stream) = (path, stream);
        reader = new LineReader(stream, LongestLine);
    }

    public string Path { get; }

    /// <summary>There was something to resume when the journal was opened.</summary>
    public bool HasEarlierAnswers { get; private init; }

    /// <summary>Sum over earlier processes, in seconds; complete once everything has been replayed.</summary>
    public double EarlierSeconds { get; private set; }

    /// <summary>Queries of earlier processes that were billed and brought no answer, tokens as reserved; complete likewise.</summary>
    public Expense EarlierLost { get; private set; }

    /// <summary>The run goes on beyond where it once ended: answers that only that end asked for are left unread.</summary>
    public bool LeavesEndsBehind { get; set; }

    /// <summary>Opens for appending, or creates; a torn last line is cut off.</summary>
    /// <param name="repair">Cut the journal at its first damaged line and go on from the last good one.</param>
    /// <exception cref="BadInputException">A line is damaged, or another process writes this journal.</exception>
    public static ObservationJournal Open(string path, bool repair = false)
    {
        FileStream stream;
        try
        {
            // Unbuffered: nothing of a write that failed is left to be written later.
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path}: cannot be opened ({exception.Message.TrimEnd('.')}); is another run writing here?", exception);
        }

        return Over(stream, path, repair);
    }

    internal static ObservationJournal Over(FileStream stream, string path, bool repair)
    {
        try
        {
            var good = CheckedLength(stream, path, repair);
            if (good < stream.Length)
            {
                stream.SetLength(good);
                stream.Flush(flushToDisk: true);
            }

            stream.Position = 0;
            return new ObservationJournal(path, stream) { HasEarlierAnswers = good > 0 };
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Earlier answers to a question, by position in the record file; those missing must be asked. Read further into the file as far as
    /// needed.
    /// </summary>
    /// <param name="recipe">Hash of the question's recipe.</param>
    /// <exception cref="BadInputException">The journal answers this question for another recipe: other settings or another
    /// build.</exception>
    public IReadOnlyDictionary<int, Observation> Replay(QuestionKey key, string recipe, IReadOnlyList<int> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0) return new Dictionary<int, Observation>(); // nothing of it stands in the file
        lock (gate)
        {
            while (isReading && !(waiting.TryGetValue(key, out var known) && records.All(known.ContainsKey))) ReadLine();
            if (!waiting.Remove(key, out var lines)) return new Dictionary<int, Observation>();
            var other = lines.Values.FirstOrDefault(line => line.Recipe != recipe);
            if (other is not null || lines.Keys.Except(records).Any())
            {
                throw new BadInputException(
                    $"{Path}: holds answers to {key} at another point or on other records than this run asks for; " +
                    "resume with the run file, inputs and version that began it, or choose a new 'out'.");
            }

            return lines.ToDictionary(pair => pair.Key, pair => pair.Value.ToObservation());
        }
    }

    /// <summary>
    /// Whether the answers that come next in the file are to some of these questions; null where no more come but those of ends.
    /// </summary>
    public bool? GoesOnWith(IReadOnlyCollection<QuestionKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        lock (gate)
        {
            while (isReading && !waiting.Keys.Any(key => !key.IsOfAnEnd || keys.Contains(key))) ReadLine();
            return keys.Any(waiting.ContainsKey) ? true : waiting.Keys.Any(key => !key.IsOfAnEnd) ? false : null;
        }
    }

    /// <summary>Returns when the answers are on the disk.</summary>
    /// <exception cref="IOException">This or an earlier write failed; only another process can go on.</exception>
    /// <param name="answers">Position in the record file, and what was told.</param>
    /// <param name="lost">Queries of this request that were billed and brought no answer, and the tokens counted for them.</param>
    public void Append(
        QuestionKey key, string recipe, IReadOnlyList<(int Record, Observation Observation)> answers, Expense lost = default)
    {
        ArgumentNullException.ThrowIfNull(answers);
        var lines = answers.Select(answer => new Line
        {
            Stage = key.Stage,
            Purpose = key.Purpose,
            Iteration = key.Iteration,
            Trial = key.Trial,
            Recipe = recipe,
            Record = answer.Record,
            Logprob = double.IsNaN(answer.Observation.LogProbability) && answer.Observation.Text is not null
                ? null
                : answer.Observation.LogProbability,
            Tokens = answer.Observation.Tokens,
            PromptTokens = answer.Observation.PromptTokens,
            TokenLogprobs = answer.Observation.TokenLogProbabilities,
            Text = answer.Observation.Text,
        });
        Write(lost.Queries == 0 ? lines : lines.Append(new Line
        {
            Lost = (int)lost.Queries,
            Tokens = (int)lost.CompletionTokens,
            PromptTokens = (int)lost.PromptTokens,
        }));
    }

    /// <summary>What answers in the file to questions such as these took.</summary>
    public IReadOnlyDictionary<int, Expense> ExpenseByIteration(Func<QuestionKey, bool> isCounted)
    {
        lock (gate)
        {
            var lines = new LineReader(stream, LongestLine);
            var sums = new Dictionary<int, Expense>();
            while (lines.Next() is { IsEmpty: false } bytes)
            {
                if (Parse(bytes.Span) is { Stage: not null } line && isCounted(line.Key))
                    sums[line.Key.Iteration] = sums.GetValueOrDefault(line.Key.Iteration) + (line.Expense with { Queries = 1 });
            }

            return sums;
        }
    }

    /// <summary>Notes working time, so that it adds up over resumes.</summary>
    public void AppendSeconds(double seconds) => Write([new Line { Seconds = seconds }]);

    public void Dispose() => stream.Dispose();

    private void Write(IEnumerable<Line> lines)
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var line in lines)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(line, Options);
            buffer.Write(json.AsSpan(0, json.Length - 1));
            buffer.Write(CheckKey);
            buffer.Write(Encoding.ASCII.GetBytes(CheckOf(json)));
            buffer.Write("\"}\n"u8);
        }

        lock (gate)
        {
            while (isReading) ReadLine();
            if (waiting.Keys.FirstOrDefault(key => !LeavesEndsBehind || !key.IsOfAnEnd) is { Stage: not null } unasked)
            {
                throw new BadInputException(
                    $"{Path}: holds answers to {unasked}, which this run does not ask here; " +
                    "resume with the run file, inputs and version that began it, or choose a new 'out'.");
            }

            if (failure is not null) throw new IOException(failure);
            var end = stream.Length;
            try
            {
                stream.Position = end;
                stream.Write(buffer.WrittenSpan);
                stream.Flush(flushToDisk: true);
            }
            catch (Exception exception)
            {
                failure = $"{Path}: cannot be written ({exception.Message.TrimEnd('.')}); mend that, and go on with --resume.";
                CutOff(end);
                throw new IOException(failure, exception);
            }
        }
    }

    /// <summary>As far as it goes: what stays behind is a torn last line.</summary>
    private void CutOff(long end)
    {
        try
        {
            stream.SetLength(end);
        }
        catch (IOException)
        {
        }
    }

    private void ReadLine()
    {
        var bytes = reader.Next();
        if (bytes.IsEmpty)
        {
            isReading = false;
            return;
        }

        lineNumber++;
        var line = Parse(bytes.Span) ?? throw Damaged(Path, lineNumber);
        EarlierSeconds += line.Seconds ?? 0;
        if (line.Lost is { } lost) EarlierLost += line.Expense with { Queries = lost };
        if (line.Stage is null) return;
        if (!waiting.TryGetValue(line.Key, out var lines)) waiting.Add(line.Key, lines = []);
        lines[line.Record!.Value] = line;
    }

    /// <summary>Bytes up to the last whole good line.</summary>
    private static long CheckedLength(FileStream stream, string path, bool repair)
    {
        stream.Position = 0;
        var lines = new LineReader(stream, LongestLine);
        for (var number = 1; ; number++)
        {
            var before = lines.Consumed;
            var line = lines.Next();
            if (line.IsEmpty) return before; // the end, or a torn last line
            if (Parse(line.Span) is not null) continue;
            if (repair) return before;
            throw Damaged(path, number);
        }
    }

    private static BadInputException Damaged(string path, int line) =>
        new($"{path}, line {line}: damaged; add --repair to go on from the line before it.");

    /// <returns>Null when damaged.</returns>
    private static Line? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= CheckLength || !bytes[^CheckLength..].StartsWith(CheckKey)) return null;
        byte[] json = [.. bytes[..^CheckLength], (byte)'}'];
        if (!bytes.Slice(bytes.Length - CheckDigits - 2, CheckDigits).SequenceEqual(Encoding.ASCII.GetBytes(CheckOf(json)))) return null;
        try
        {
            return JsonSerializer.Deserialize<Line>(json, Options) is { } line && (line.Stage is null || line.IsWhole) ? line : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string CheckOf(ReadOnlySpan<byte> json) => Convert.ToHexStringLower(SHA256.HashData(json).AsSpan(0, CheckDigits / 2));

    /// <summary>An answer, or (without stage) seconds worked or queries lost.</summary>
    private sealed record Line
    {
        public string? Stage { get; init; }

        public EvaluationPurpose? Purpose { get; init; }

        public int? Iteration { get; init; }

        public int? Trial { get; init; }

        public string? Recipe { get; init; }

        public int? Record { get; init; }

        public double? Logprob { get; init; }

        public int? Tokens { get; init; }

        public int? PromptTokens { get; init; }

        public IReadOnlyList<float>? TokenLogprobs { get; init; }

        public string? Text { get; init; }

        public double? Seconds { get; init; }

        public int? Lost { get; init; }

        [JsonIgnore]
        public bool IsWhole =>
            Purpose is not null && Iteration is not null && Trial is not null && Recipe is not null && Record is not null
            && Tokens is not null;

        [JsonIgnore]
        public Expense Expense => new(0, PromptTokens ?? 0, Tokens ?? 0);

        [JsonIgnore]
        public QuestionKey Key => new(Stage!, Purpose!.Value, Iteration!.Value, Trial!.Value);

        public Observation ToObservation() => new(Logprob ?? double.NaN, Tokens!.Value, PromptTokens ?? 0, TokenLogprobs, Text);
    }
}

/// <summary>Which candidate is asked about, and why.</summary>
/// <param name="Iteration">Iterations told before this one.</param>
/// <param name="Trial">Position among the questions of one iteration and purpose.</param>
public readonly record struct QuestionKey(string Stage, EvaluationPurpose Purpose, int Iteration, int Trial)
{
    /// <summary>Asked because a search ended here; one that goes on does not ask it.</summary>
    public bool IsOfAnEnd => Purpose is not (EvaluationPurpose.Search or EvaluationPurpose.Single);

    public override string ToString() => $"{Stage}/{Purpose}/{Iteration}/{Trial}";
}
