namespace Cuvee.LanguageModels;

/// <summary>
/// Counts every query and token that reaches the inner model and refuses a request that would pass the budget before sending it. Put it
/// outside any retrying decorator (retries are not queries).
/// </summary>
public sealed class BudgetLanguageModel(ILanguageModel inner, QueryMeter meter) : ILanguageModel
{
    public LanguageModelCapabilities Capabilities => inner.Capabilities;

    /// <exception cref="QueryBudgetExceededException">Nothing was sent.</exception>
    public async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        var scores = await MeteredAsync(records.Count, () => inner.ScoreAsync(records, cancellationToken)).ConfigureAwait(false);
        meter.AddTokens(scores.Sum(score => (long)score.Tokens + score.PromptTokens));
        return scores;
    }

    /// <summary>Books generated tokens only: a generation does not tell its prompt's length.</summary>
    /// <exception cref="QueryBudgetExceededException">Nothing was sent.</exception>
    public async Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        var completions = await MeteredAsync(
            prompts.Count, () => inner.GenerateAsync(prompts, options, cancellationToken)).ConfigureAwait(false);
        meter.AddTokens(completions.Sum(completion => (long)completion.Tokens));
        return completions;
    }

    private async Task<T> MeteredAsync<T>(int count, Func<Task<T>> send)
    {
        meter.Take(count);
        try
        {
            return await send().ConfigureAwait(false);
        }
        catch (PartialAnswersException partial)
        {
            meter.Return(count - partial.Billed);
            meter.AddTokens(
                partial.Scores.Values.Sum(score => (long)score.Tokens + score.PromptTokens)
                + partial.Answers.Values.Sum(answer => (long)answer.Tokens));
            throw;
        }
        catch
        {
            meter.Return(count);
            throw;
        }
    }
}
