namespace Cuvee.LanguageModels;

/// <summary>
/// Counts every query and token that reaches the inner model and refuses a request that could pass the budget before sending it. Put it
/// outside any retrying decorator (retries are not queries).
/// </summary>
/// <param name="bound">Tokens that one request may take at most; its queries are counted.</param>
public sealed class BudgetLanguageModel(ILanguageModel inner, QueryMeter meter, Expense bound = default) : ILanguageModel
{
    public LanguageModelCapabilities Capabilities => inner.Capabilities;

    /// <exception cref="QueryBudgetExceededException">Nothing was sent.</exception>
    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        return MeteredAsync(records.Count, () => inner.ScoreAsync(records, cancellationToken), Expense.Of);
    }

    /// <summary>Prompt tokens are booked where the provider tells them.</summary>
    /// <exception cref="QueryBudgetExceededException">Nothing was sent.</exception>
    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        return MeteredAsync(prompts.Count, () => inner.GenerateAsync(prompts, options, cancellationToken), Expense.Of);
    }

    private async Task<IReadOnlyList<T>> MeteredAsync<T>(int count, Func<Task<IReadOnlyList<T>>> send, Func<T, Expense> expenseOf)
    {
        var reserved = bound with { Queries = count };
        var actual = default(Expense);
        meter.Take(reserved);
        try
        {
            var answers = await send().ConfigureAwait(false);
            actual = Expense.Sum(answers.Select(expenseOf)) with { Queries = count };
            return answers;
        }
        catch (PartialAnswersException partial)
        {
            actual = Expense.Sum(
                [.. partial.Scores.Values.Select(Expense.Of), .. partial.Answers.Values.Select(Expense.Of), reserved.Share(partial.Lost)]);
            throw;
        }
        finally
        {
            meter.Settle(reserved, actual);
        }
    }
}
