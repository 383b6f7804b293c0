using System.Text.Json.Serialization;

namespace Cuvee.LanguageModels;

/// <summary>What requests took or may take. A scored completion's tokens count as completion tokens, like generated ones.</summary>
/// <param name="Queries">Records scored or answered.</param>
public readonly record struct Expense(long Queries, long PromptTokens, long CompletionTokens)
{
    [JsonIgnore]
    public long Tokens => PromptTokens + CompletionTokens;

    public static Expense operator +(Expense one, Expense other) => new(
        one.Queries + other.Queries, one.PromptTokens + other.PromptTokens, one.CompletionTokens + other.CompletionTokens);

    public static Expense operator -(Expense one, Expense other) => new(
        one.Queries - other.Queries, one.PromptTokens - other.PromptTokens, one.CompletionTokens - other.CompletionTokens);

    public static Expense operator *(Expense one, long times) => new(
        one.Queries * times, one.PromptTokens * times, one.CompletionTokens * times);

    public static Expense Of(ScoredCompletion score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new(1, score.PromptTokens, score.Tokens);
    }

    public static Expense Of(GeneratedCompletion answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return new(1, answer.PromptTokens, answer.Tokens);
    }

    public static Expense Sum(IEnumerable<Expense> expenses)
    {
        ArgumentNullException.ThrowIfNull(expenses);
        return expenses.Aggregate(default(Expense), (sum, expense) => sum + expense);
    }

    /// <summary>What so many of these queries take on average, tokens rounded up.</summary>
    public Expense Share(long queries) => Queries == 0
        ? new(queries, 0, 0)
        : new(queries, ((PromptTokens * queries) + Queries - 1) / Queries, ((CompletionTokens * queries) + Queries - 1) / Queries);
}

/// <summary>What a provider charges.</summary>
/// <param name="Prompt">For a million prompt tokens, in any currency.</param>
/// <param name="Completion">For a million completion tokens, in the same one.</param>
public sealed record TokenPrice(double Prompt, double Completion)
{
    private const double Unit = 1e6; // tokens

    public double CostOf(Expense expense) => ((Prompt * expense.PromptTokens) + (Completion * expense.CompletionTokens)) / Unit;
}

/// <summary>Upper limits of what may be spent; null for none of that kind.</summary>
/// <param name="Cost">In the currency of the price.</param>
public sealed record SpendingLimits(double? Queries = null, double? Tokens = null, double? Cost = null)
{
    /// <returns>The limit that <paramref name="expense"/> passes, such as <c>tokens</c>; null where it passes none.</returns>
    public string? PassedBy(Expense expense, TokenPrice? price) =>
        expense.Queries > Queries ? "queries"
        : expense.Tokens > Tokens ? "tokens"
        : price?.CostOf(expense) > Cost ? "cost"
        : null;
}
