namespace Cuvee.LanguageModels;

/// <summary>A request would spend more queries than the budget holds; it was not sent.</summary>
public sealed class QueryBudgetExceededException(string message) : Exception(message);
