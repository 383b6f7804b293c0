namespace Cuvee.Configuration;

/// <summary>Upper limits of one search, re-evaluations included; null for no limit of that kind.</summary>
/// <param name="Evaluations">Lines of the journal: candidates, held-out checks and re-evaluations.</param>
/// <param name="Queries">Records scored; cache hits are free.</param>
public sealed record RunBudget(int? Evaluations, int? Queries);
