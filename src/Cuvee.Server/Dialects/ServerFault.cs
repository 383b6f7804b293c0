namespace Cuvee.Server.Dialects;

/// <summary>What real servers have been seen to do wrong, to be switched on against clients.</summary>
public static class ServerFault
{
    /// <summary>The log-probabilities of what was sent are left out, as if the field that asks for them were unknown.</summary>
    public const string SilentEcho = "silent-echo";

    /// <summary>The base model answers under any adapter's name and scale.</summary>
    public const string SilentBase = "silent-base";

    /// <summary>A prompt is answered as it was under the adapter that it was last asked with.</summary>
    public const string StaleCache = "stale-cache";

    /// <summary>Questions are answered 404.</summary>
    public const string NotFound = "not-found";

    /// <summary>Questions are answered 500.</summary>
    public const string ServerError = "server-error";

    /// <summary>Adapters of rank 1 are taken, no others.</summary>
    public const string RankLimit = "rank-limit";

    public static IReadOnlyList<string> All { get; } = [SilentEcho, SilentBase, StaleCache, NotFound, ServerError, RankLimit];
}
