using Cuvee.LanguageModels.Http;
using Cuvee.Numerics;

namespace Cuvee.Providers;

/// <summary>How providers reach their servers: the clock of retries and time-outs, and the network.</summary>
/// <param name="handler">A new one for each connection; null: the real network.</param>
public sealed class ServiceNetwork(TimeProvider time, Func<HttpMessageHandler>? handler = null)
{
    public TimeProvider Time => time;

    /// <summary>A name that no earlier process used; never part of a result.</summary>
    public string FreshName(string prefix) => $"{prefix}-{time.GetUtcNow().UtcTicks:x}-{Environment.ProcessId:x}";

    /// <summary>Jitter decides when a request is sent again and nothing else, so every client may draw its own.</summary>
    public JsonService Connect(JsonServiceSettings settings) => new(
        settings, time, SeededRandom.Derive((ulong)time.GetTimestamp(), "jitter").NextDouble, handler?.Invoke());
}
