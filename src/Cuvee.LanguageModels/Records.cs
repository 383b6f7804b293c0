namespace Cuvee.LanguageModels;

/// <summary>One labelled example. <paramref name="Id"/> names it in outputs and errors.</summary>
public sealed record PromptCompletion(string Id, string Prompt, string Completion);

/// <param name="LogProbability">Sum over the completion's tokens, end-of-sequence included, in nats.</param>
/// <param name="Tokens">Number of scored tokens.</param>
/// <param name="PromptTokens">Number of prompt tokens processed.</param>
/// <param name="TokenLogProbabilities">Per token, in nats; null where the provider gives only the sum.</param>
public sealed record ScoredCompletion(double LogProbability, int Tokens, int PromptTokens, IReadOnlyList<float>? TokenLogProbabilities);

/// <param name="Text">The completion only, stop token not included.</param>
/// <param name="Tokens">Generated tokens.</param>
/// <param name="StopReason">Why generation ended.</param>
/// <param name="PromptTokens">Number of prompt tokens processed; 0 where the provider does not tell.</param>
public sealed record GeneratedCompletion(string Text, int Tokens, StopReason StopReason, int PromptTokens = 0);

public enum StopReason
{
    EndOfSequence,
    StopText,
    MaxTokens,
    ContextLength,
}

/// <summary>Decoding settings. Temperature 0 is greedy and ignores the other sampling settings.</summary>
public sealed record GenerationOptions
{
    public int MaxTokens { get; init; } = 128;

    public double Temperature { get; init; }

    /// <summary>Keep the smallest set of tokens whose probability reaches this; 1 keeps all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keep the k most probable tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens already seen; 1 is off.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    public ulong Seed { get; init; }

    /// <summary>Generation stops before any of these texts.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];
}

/// <summary>What a provider can tell.</summary>
public sealed record LanguageModelCapabilities(bool LogProbabilities, bool TokenLogProbabilities, bool Generation, int? ContextLength);

/// <summary>The provider refused or failed; one sentence for people.</summary>
public class LanguageModelException(string message, Exception? inner = null) : Exception(message, inner);
