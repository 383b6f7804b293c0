namespace Cuvee.LanguageModels;

/// <summary>
/// Answers scores from a <see cref="ScoreCache"/> and asks the inner model only for the rest, each distinct record once. Generation
/// passes through: sampled
/// text is not a function of the prompt alone.
/// </summary>
/// <param name="modelKey">Names the inner model's weights; two models with the same key must give the same scores.</param>
public sealed class CachingLanguageModel(ILanguageModel inner, ScoreCache cache, string modelKey) : ILanguageModel
{
    public LanguageModelCapabilities Capabilities => inner.Capabilities;

    public async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        var missing = records.Where(record => !cache.TryGet(modelKey, record, out _))
            .DistinctBy(record => (record.Prompt, record.Completion)).ToList();
        if (missing.Count > 0)
        {
            var scores = await inner.ScoreAsync(missing, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < missing.Count; i++) cache.Add(modelKey, missing[i], scores[i]);
        }

        return [.. records.Select(record =>
            cache.TryGet(modelKey, record, out var score) ? score! : throw new InvalidOperationException())];
    }

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
        inner.GenerateAsync(prompts, options, cancellationToken);
}
