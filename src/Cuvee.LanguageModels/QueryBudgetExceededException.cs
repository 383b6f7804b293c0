namespace Cuvee.LanguageModels;

/// <summary>A request could spend more than the budget holds; it was not sent.</summary>
public sealed class QueryBudgetExceededException(string message) : Exception(message);
