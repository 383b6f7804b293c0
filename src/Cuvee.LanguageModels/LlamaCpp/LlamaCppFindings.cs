using System.Globalization;

namespace Cuvee.LanguageModels.LlamaCpp;

/// <summary>What <see cref="LlamaCppProbe"/> measured: largest differences of one token's log-probability, in nats.</summary>
/// <param name="Noise">Of the same request sent twice.</param>
/// <param name="ZeroAgainstBase">Scales of zero against no scales while the global ones are zero.</param>
/// <param name="Effects">[adapters] What each adapter alone changes.</param>
/// <param name="Leak">One adapter after another against it alone, in requests as a search sends them.</param>
/// <param name="CacheLeak">The same where the server may reuse prompts, as other clients ask for.</param>
/// <param name="ForcedAgainstChain">A forced answer against its tokens one by one.</param>
public sealed record LlamaCppFindings(
    double Noise, double ZeroAgainstBase, IReadOnlyList<double> Effects, double Leak, double CacheLeak, double ForcedAgainstChain)
{
    /// <summary>What passes for rounding: keys and values in fp16 and batches of other sizes stay below it.</summary>
    public const double Tolerance = 0.02;

    /// <summary>Why no search can rely on the server; null: none.</summary>
    public string? Refusal =>
        Noise > Tolerance ? $"the same request sent twice differs by {Nats(Noise)}; no search can tell candidates apart by such answers"
        : ZeroAgainstBase > Tolerance
            ? $"scales of zero differ from the base model by {Nats(ZeroAgainstBase)}; use llama.cpp v0.5.0 or later"
        : Effects.All(effect => effect <= Noise) ? "no adapter changes an answer; check the files that the server was started with"
        : Leak > Tolerance ? $"an adapter's answers depend on the one asked before by {Nats(Leak)}; restart the server with {Flags}"
        : ForcedAgainstChain > Tolerance
            ? $"a forced answer differs from its tokens one by one by {Nats(ForcedAgainstChain)}; use llama.cpp v0.5.0 or later"
        : null;

    /// <summary>What its owner should know although a search works; null: nothing.</summary>
    public string? Doubt => CacheLeak > Tolerance
        ? $"the server's prompt cache mixes adapters up by {Nats(CacheLeak)} a token; Cuvee asks without it, other clients should, too, " +
            $"or restart the server with {Flags}"
        : null;

    private const string Flags = "--cache-ram 0 --no-cache-prompt --slot-prompt-similarity 0";

    public static string Nats(double value) => value.ToString("0.000", CultureInfo.InvariantCulture) + " nats";
}
