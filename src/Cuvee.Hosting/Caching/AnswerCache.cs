using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cuvee.Formats;
using Cuvee.LanguageModels;

namespace Cuvee.Hosting.Caching;

/// <summary>
/// Answers that were paid for once, in a file that every run on the same models shares: found again by what was asked of what. A line is a
/// checksum and a JSON object; a line that is damaged is an answer that is not there. Thread-safe; one process at a time.
/// </summary>
public sealed class AnswerCache : IDisposable
{
    private const int CheckDigits = 16;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a non-finite score is an answer, too
        MaxDepth = 4,
    };

    private readonly Lock gate = new();
    private readonly Dictionary<string, CachedAnswer> known = [];
    private readonly FileStream stream;
    private readonly string fingerprint;
    private long reused;

    private AnswerCache(FileStream stream, string fingerprint) => (this.stream, this.fingerprint) = (stream, fingerprint);

    /// <summary>Answers that were found instead of asked for.</summary>
    public long Reused => Interlocked.Read(ref reused);

    /// <summary>Why answers are no longer written, one sentence; null while they are.</summary>
    public string? Problem { get; private set; }

    /// <param name="folder">Made where it is not there; holds one file a fingerprint.</param>
    /// <param name="fingerprint">Of everything that decides answers but recipe and question: models, pool, rules of texts.</param>
    /// <exception cref="BadInputException">The file cannot be opened, such as because another run has it.</exception>
    public static AnswerCache Open(string folder, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        var path = Path.Combine(folder, $"answers-{Hash(fingerprint)[..CheckDigits]}.jsonl");
        FileStream stream;
        try
        {
            Directory.CreateDirectory(folder);
            // Unbuffered: nothing of a write that failed is left to fail again.
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path}: cannot be opened ({exception.Message.TrimEnd('.')}); does another run use the cache?", exception);
        }

        var cache = new AnswerCache(stream, fingerprint);
        cache.Load();
        return cache;
    }

    /// <param name="question">What is asked of the recipe, kind and settings included.</param>
    internal CachedAnswer? Find(string recipe, string question)
    {
        lock (gate)
        {
            if (!known.TryGetValue(KeyOf(recipe, question), out var answer)) return null;
            reused++;
            return answer;
        }
    }

    /// <summary>Returns when the answer is in the file, or in memory alone where the file takes no more.</summary>
    internal void Add(string recipe, string question, CachedAnswer answer)
    {
        var key = KeyOf(recipe, question);
        var line = JsonSerializer.SerializeToUtf8Bytes(answer with { Key = key }, Options);
        lock (gate)
        {
            if (known.TryAdd(key, answer)) Write([.. Encoding.ASCII.GetBytes(Check(line)), (byte)' ', .. line, (byte)'\n']);
        }
    }

    public void Dispose() => stream.Dispose();

    private void Load()
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length <= CheckDigits || line[CheckDigits] != ' ') continue;
            var json = Encoding.UTF8.GetBytes(line[(CheckDigits + 1)..]);
            if (Check(json) != line[..CheckDigits]) continue;
            var answer = JsonSerializer.Deserialize<CachedAnswer>(json, Options)!;
            known[answer.Key!] = answer;
        }

        if (stream.Length == 0) return;
        stream.Position = stream.Length - 1;
        var isTorn = stream.ReadByte() != '\n';
        if (isTorn) Write("\n"u8);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (Problem is not null) return;
        try
        {
            stream.Write(bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Problem = $"{stream.Name}: cannot be written ({exception.Message.TrimEnd('.')}); later answers are not kept for other runs.";
        }
    }

    /// <summary>The recipe's part is of fixed length, so no two questions share a text.</summary>
    private string KeyOf(string recipe, string question) => Hash($"{fingerprint}\n{recipe}\n{question}");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Check(ReadOnlySpan<byte> line) => Convert.ToHexStringLower(SHA256.HashData(line))[..CheckDigits];
}

/// <summary>One score or one text, as it lies in the file.</summary>
internal sealed record CachedAnswer
{
    public string? Key { get; init; }

    public double? Logprob { get; init; }

    public int Tokens { get; init; }

    public int PromptTokens { get; init; }

    public IReadOnlyList<float>? TokenLogprobs { get; init; }

    public string? Text { get; init; }

    public StopReason? Stop { get; init; }
}
