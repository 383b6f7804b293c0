using Cuvee.LanguageModels.LlamaCpp;

namespace Cuvee.Providers;

/// <summary>A llama-server's description and findings for people.</summary>
internal static class LlamaCppReport
{
    public static ServerReport Of(LlamaCppDescription server, LlamaCppFindings findings) => new(
        "llama.cpp",
        [
            ("version", server.Build),
            ("model", $"{server.ModelPath}, {server.Vocabulary} tokens"),
            ("context", $"{server.ContextLength} tokens a slot"),
            ("slots", $"{server.Slots}"),
            ("adapters", server.Adapters.Count == 0
                ? "none"
                : string.Join(", ", server.Adapters.Select(adapter => adapter.Path.Split('/', '\\')[^1]))),
            ("can", "log-probabilities per token and answers, of weighted sums of these adapters (space delta); no upload"),
            ("same request twice", LlamaCppFindings.Nats(findings.Noise)),
            ("scales of zero against the base model", LlamaCppFindings.Nats(findings.ZeroAgainstBase)),
            ("what each adapter changes", string.Join(", ", findings.Effects.Select(LlamaCppFindings.Nats))),
            ("one adapter after another against it alone", LlamaCppFindings.Nats(findings.Leak)),
            ("the same from the prompt cache", LlamaCppFindings.Nats(findings.CacheLeak)),
            ("forced answer against its tokens", LlamaCppFindings.Nats(findings.ForcedAgainstChain)),
        ],
        findings.Refusal,
        findings.Doubt);
}
