using System.Net;
using System.Text.Json;

namespace Cuvee.LanguageModels.Http;

/// <summary>One attempt that brought nothing.</summary>
/// <param name="retryAfter">What the server asks to wait; null where it does not say.</param>
internal sealed class FailedAttemptException(string problem, int? status, bool isRetriable, TimeSpan? retryAfter, Exception? inner = null)
    : Exception(problem, inner)
{
    // Names that services give to a quota that is used up, which no waiting brings back.
    private static readonly string[] Exhausted = ["insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"];

    public int? Status => status;

    public bool IsRetriable => isRetriable;

    public TimeSpan? RetryAfter => retryAfter;

    /// <summary>The server's trouble, not our pace: what a circuit breaker counts.</summary>
    public bool IsServerTrouble => isRetriable && status != (int)HttpStatusCode.TooManyRequests;

    /// <summary>The end of a request that the server asks to repeat later than it may be.</summary>
    /// <param name="left">Of the request's time.</param>
    /// <returns>Null where it may be repeated, or not at all.</returns>
    public FailedAttemptException? WaitsBeyond(TimeSpan left) => isRetriable && retryAfter is { } wait && wait > left
        ? new FailedAttemptException(
            $"{Message} and asks to wait {wait.TotalSeconds:0.#} s, longer than model.total_timeout leaves", status, false, wait, this)
        : null;

    public static FailedAttemptException Of(HttpResponseMessage response, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        var (message, kinds) = ReadError(body);
        var status = (int)response.StatusCode;
        var isExhausted = kinds.Any(kind => Exhausted.Contains(kind, StringComparer.OrdinalIgnoreCase));
        var isRetriable = status is 408 or 409 or 425 or 429 or >= 500 and not 501 && !isExhausted;
        var said = message.Length == 0 ? "" : $" ({message})";
        return new FailedAttemptException($"answered {status}{said}", status, isRetriable, WaitOf(response, now));
    }

    /// <summary><c>retry-after-ms</c>, else <c>Retry-After</c> in seconds or as a date.</summary>
    private static TimeSpan? WaitOf(HttpResponseMessage response, DateTimeOffset now)
    {
        if (response.Headers.TryGetValues("retry-after-ms", out var values)
            && double.TryParse(values.First(), out var milliseconds) && milliseconds is >= 0 and < 86_400_000)
            return TimeSpan.FromMilliseconds(milliseconds);
        var header = response.Headers.RetryAfter;
        var wait = header?.Delta ?? header?.Date - now;
        return wait is { } time && time < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    /// <summary>
    /// OpenAI's <c>{"error": {"message", "code", "type"}}</c>, FastAPI's <c>{"detail"}</c>, plain <c>{"error": ""}</c> and
    /// <c>{"message"}</c>, else the beginning of the text.
    /// </summary>
    private static (string Message, IReadOnlyList<string> Kinds) ReadError(ReadOnlySpan<byte> body)
    {
        const int longest = 300;
        var text = System.Text.Encoding.UTF8.GetString(body[..Math.Min(body.Length, 4 * longest)]).Trim();
        var kinds = new List<string>();
        try
        {
            var reader = new Utf8JsonReader(body);
            using var document = JsonDocument.ParseValue(ref reader);
            var error = document.RootElement;
            if (error.ValueKind == JsonValueKind.Object && error.TryGetProperty("error", out var inner)) error = inner;
            if (error.ValueKind == JsonValueKind.Object)
            {
                foreach (var key in (string[])["code", "type"])
                {
                    if (error.TryGetProperty(key, out var kind) && kind.ValueKind == JsonValueKind.String) kinds.Add(kind.GetString()!);
                }

                if (error.TryGetProperty("message", out var message) || error.TryGetProperty("detail", out message)) error = message;
            }

            text = error.ValueKind == JsonValueKind.String ? error.GetString()! : error.GetRawText();
        }
        catch (JsonException)
        {
            // a proxy's page, or a text: shown as it stands
        }

        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
        return (line.Length > longest ? line[..longest] + "..." : line, kinds);
    }
}
