namespace Cuvee.LanguageModels;

/// <summary>
/// The black box: text in, log-probabilities or text out. Implementations are thread-safe. A record's result does not depend on what it is
/// batched with (exactly for the embedded engine; up to the provider's rounding otherwise). Results come in the order of the input.
/// </summary>
public interface ILanguageModel
{
    LanguageModelCapabilities Capabilities { get; }

    /// <summary>
    /// Teacher-forced log-probability of each completion after its prompt. The prompt is encoded with the tokenizer's special-token rule,
    /// the completion without, and one end-of-sequence token is appended, scored and counted.
    /// </summary>
    /// <exception cref="LanguageModelException">
    /// Empty completion, text over the context, or the provider failed; names the record.
    /// </exception>
    Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken);

    Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken);
}
