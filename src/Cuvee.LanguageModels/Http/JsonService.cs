using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Cuvee.LanguageModels.Http;

/// <summary>
/// JSON over HTTP that outlives a bad network: bounded concurrency, time-outs, retries with jitter that honour what the server asks to
/// wait, and a circuit breaker. A slot is held while a request waits for its next attempt, so that a server that asks for patience gets it.
/// Retries are counted apart: to a caller they are one request. Thread-safe.
/// </summary>
public sealed class JsonService : IDisposable
{
    // The breaker rests when nearly nothing of many attempts succeeded; a request whose turn comes meanwhile waits for it as for a retry.
    private const double BreakerFailureRatio = 0.9;
    private const int BreakerThroughput = 20;
    private static readonly TimeSpan BreakerWindow = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BreakerRest = TimeSpan.FromSeconds(5);

    private readonly JsonServiceSettings settings;
    private readonly TimeProvider time;
    private readonly HttpClient client;
    private readonly SemaphoreSlim slots;
    private readonly ResiliencePipeline pipeline;
    private readonly string root;
    private long retries;

    /// <param name="handler">Null: the network.</param>
    /// <param name="jitter">Uniform in [0, 1); spreads the retries of many clients.</param>
    public JsonService(JsonServiceSettings settings, TimeProvider time, Func<double> jitter, HttpMessageHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(jitter);
        (this.settings, this.time) = (settings, time);
        root = settings.Url.ToString().TrimEnd('/');
        client = new HttpClient(handler ?? new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            Timeout = Timeout.InfiniteTimeSpan, // the pipeline's, by the injected clock
            MaxResponseContentBufferSize = settings.LongestAnswer,
        };
        if (settings.Key is { } key) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        slots = new SemaphoreSlim(settings.Slots);
        var gate = new Lock();
        pipeline = Pipeline(() =>
        {
            lock (gate) return jitter();
        });
    }

    public Uri Url => settings.Url;

    /// <summary>Requests at the same time.</summary>
    public int Slots => settings.Slots;

    /// <summary>Attempts after the first of their request.</summary>
    public long Retries => Interlocked.Read(ref retries);

    /// <summary>Asks once: what a start asks, where a wrong address must be said at once.</summary>
    /// <param name="read">Takes what it needs from the answer, which is gone afterwards.</param>
    /// <exception cref="ServiceException">No answer, or none of use.</exception>
    public Task<T> GetAsync<T>(string path, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        return OnceAsync(HttpMethod.Get, path, null, Json(read), settings.AttemptTimeout, "timeout", cancellationToken);
    }

    /// <param name="read">Takes what it needs from the answer, which is gone afterwards; <see cref="UnusableAnswerException"/> where the
    /// answer lacks it, and the request is sent again.</param>
    /// <exception cref="ServiceException">Refused, or failed in every attempt.</exception>
    public Task<T> PostAsync<T>(string path, JsonNode body, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        return SendAsync(path, body, Json(read), cancellationToken);
    }

    /// <summary>For routes that answer in words.</summary>
    /// <inheritdoc cref="PostAsync"/>
    public Task<string> PostForTextAsync(string path, JsonNode body, CancellationToken cancellationToken) =>
        SendAsync(path, body, Encoding.UTF8.GetString, cancellationToken);

    /// <summary>Asks once, waits <see cref="JsonServiceSettings.TidyingTimeout"/> and takes no slot: what tidies up holds nobody up.
    /// </summary>
    /// <exception cref="ServiceException">No answer, or none of use.</exception>
    public Task<T> TidyAsync<T>(string path, JsonNode body, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        return OnceAsync(HttpMethod.Post, path, Bytes(body), Json(read), settings.TidyingTimeout, null, cancellationToken);
    }

    /// <summary>For routes that answer in words.</summary>
    /// <inheritdoc cref="TidyAsync"/>
    public Task<string> TidyForTextAsync(string path, JsonNode body, CancellationToken cancellationToken) =>
        OnceAsync(HttpMethod.Post, path, Bytes(body), Encoding.UTF8.GetString, settings.TidyingTimeout, null, cancellationToken);

    public void Dispose()
    {
        client.Dispose();
        slots.Dispose();
    }

    private static Func<byte[], T> Json<T>(Func<JsonElement, T> read) => bytes =>
    {
        using var document = JsonDocument.Parse(bytes);
        return read(document.RootElement);
    };

    private static byte[] Bytes(JsonNode body) => JsonSerializer.SerializeToUtf8Bytes(body);

    private async Task<T> OnceAsync<T>(
        HttpMethod method, string path, byte[]? body, Func<byte[], T> read, TimeSpan limit, string? setting,
        CancellationToken cancellationToken)
    {
        try
        {
            using var timeout = new CancellationTokenSource(limit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            return await AttemptAsync(method, path, body, read, either.Token).ConfigureAwait(false);
        }
        catch (FailedAttemptException exception)
        {
            throw Failure(path, exception.Message, exception.Status, exception);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failure(path, Silence(limit, setting), null, exception);
        }
    }

    /// <param name="setting">Of a run file, that the limit comes from.</param>
    private static string Silence(TimeSpan limit, string? setting) =>
        $"gave no answer in {limit.TotalSeconds:0.#} s{(setting is null ? "" : $" (model.{setting})")}";

    private async Task<T> SendAsync<T>(string path, JsonNode body, Func<byte[], T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(body);
        var bytes = Bytes(body);
        var billed = 0; // attempts that were answered, and not with anything of use
        FailedAttemptException? last = null;
        await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        var begun = time.GetTimestamp();
        try
        {
            return await pipeline.ExecuteAsync(
                async token =>
                {
                    try
                    {
                        return await AttemptAsync(HttpMethod.Post, path, bytes, read, token).ConfigureAwait(false);
                    }
                    catch (FailedAttemptException exception)
                    {
                        last = exception;
                        if (exception.Status is >= 200 and < 300) billed++;
                        if (exception.WaitsBeyond(settings.TotalTimeout - time.GetElapsedTime(begun)) is { } hopeless) throw hopeless;
                        throw;
                    }
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (FailedAttemptException exception)
        {
            var often = exception.IsRetriable ? $" in the last of {settings.Attempts} attempts" : "";
            throw Failure(path, exception.Message + often, exception.Status, exception, billed);
        }
        catch (BrokenCircuitException exception)
        {
            var before = exception.InnerException is FailedAttemptException failed ? $"; the last one {failed.Message}" : "";
            throw Failure(path, $"was not asked again, because nearly all requests before it failed{before}", null, exception, billed);
        }
        catch (TimeoutRejectedException exception)
        {
            var isTotal = exception.Timeout == settings.TotalTimeout;
            var earlier = isTotal && last is not null ? $"; an attempt before that {last.Message}" : "";
            throw Failure(path, Silence(exception.Timeout, isTotal ? "total_timeout" : "timeout") + earlier, null, exception, billed);
        }
        finally
        {
            slots.Release();
        }
    }

    private ServiceException Failure(string path, string problem, int? status, Exception inner, int billed = 0)
    {
        var mend = status switch
        {
            401 or 403 => "give a key that has the right",
            404 => "check the address and what is served there",
            _ => null,
        };
        return new ServiceException($"{root}{path}: {problem}{(mend is null ? "" : $"; {mend}")}.", status, inner, billed);
    }

    private async Task<T> AttemptAsync<T>(
        HttpMethod method, string path, byte[]? body, Func<byte[], T> read, CancellationToken cancellationToken)
    {
        int? status = null;
        try
        {
            using var request = new HttpRequestMessage(method, root + path);
            if (body is not null)
            {
                request.Content = new ByteArrayContent(body);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }

            using var response = await client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode) throw FailedAttemptException.Of(response, answer, time.GetUtcNow());
            status = (int)response.StatusCode;
            return read(answer);
        }
        catch (HttpRequestException exception)
        {
            throw new FailedAttemptException($"cannot be reached ({exception.Message.TrimEnd('.')})", null, true, null, exception);
        }
        catch (JsonException exception)
        {
            throw new FailedAttemptException("gave an answer that is not valid JSON", status, true, null, exception);
        }
        catch (UnusableAnswerException exception)
        {
            throw new FailedAttemptException($"gave an answer that {exception.Message}", status, true, null, exception);
        }
    }

    private ResiliencePipeline Pipeline(Func<double> jitter)
    {
        static bool IsFailure(Exception? exception) =>
            exception is FailedAttemptException { IsServerTrouble: true } or TimeoutRejectedException;

        var builder = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddTimeout(settings.TotalTimeout);
        if (settings.Attempts > 1)
        {
            builder.AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = arguments => ValueTask.FromResult(
                    arguments.Outcome.Exception is FailedAttemptException { IsRetriable: true } or TimeoutRejectedException
                        or BrokenCircuitException),
                MaxRetryAttempts = settings.Attempts - 1,
                BackoffType = DelayBackoffType.Exponential,
                Delay = settings.FirstDelay,
                MaxDelay = settings.LongestDelay,
                UseJitter = true,
                Randomizer = jitter,
                DelayGenerator = arguments => ValueTask.FromResult(arguments.Outcome.Exception switch
                {
                    FailedAttemptException failed => failed.RetryAfter,
                    BrokenCircuitException broken => broken.RetryAfter,
                    _ => null,
                }),
                OnRetry = _ =>
                {
                    Interlocked.Increment(ref retries);
                    return default;
                },
            });
        }

        return builder
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                ShouldHandle = arguments => ValueTask.FromResult(IsFailure(arguments.Outcome.Exception)),
                FailureRatio = BreakerFailureRatio,
                MinimumThroughput = BreakerThroughput,
                SamplingDuration = BreakerWindow,
                BreakDuration = BreakerRest,
            })
            .AddTimeout(settings.AttemptTimeout)
            .Build();
    }
}
