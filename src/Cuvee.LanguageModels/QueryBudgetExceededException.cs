namespace Cuvee.LanguageModels;

/// <summary>A request could spend more than the budget holds; it was not sent.</summary>
/// <param name="limit">The budget's: <c>queries</c>, <c>tokens</c> or <c>cost</c>.</param>
public sealed class QueryBudgetExceededException(string message, string limit, Exception? inner = null) : Exception(message, inner)
{
    public string Limit => limit;
}
