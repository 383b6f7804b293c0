namespace Cuvee.LanguageModels.Http;

/// <summary>How a service is spoken to; defaults suit a server in the same building and a hosted one alike.</summary>
/// <param name="Url">Where its routes begin, with or without a last slash.</param>
public sealed record JsonServiceSettings(Uri Url)
{
    /// <summary>Sent as a bearer token; null: none.</summary>
    public string? Key { get; init; }

    /// <summary>Requests at the same time, at least 1.</summary>
    public int Slots { get; init; } = 8;

    /// <summary>How often one request is sent, the first time included; at least 1.</summary>
    public int Attempts { get; init; } = 10;

    /// <summary>Of one attempt, headers and body together: a server that drips is no better than one that is silent.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Of all attempts and the waits between them.</summary>
    public TimeSpan TotalTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Of a request that tidies up, which nobody waits for any longer.</summary>
    public TimeSpan TidyingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Wait after the first failure where the server names none; doubles from failure to failure, up to
    /// <see cref="LongestDelay"/>.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Of one answer, in bytes.</summary>
    public long LongestAnswer { get; init; } = 256 << 20;
}
