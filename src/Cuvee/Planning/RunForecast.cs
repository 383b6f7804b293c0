namespace Cuvee.Planning;

/// <summary>What a run will cost at most, known before the first query.</summary>
/// <param name="Evaluations">Journal lines; null when only the optimiser's own stop bounds them.</param>
/// <param name="Queries">Records scored, cache hits not deducted; null likewise.</param>
/// <param name="Tokens">Queries times the mean record; null where queries are.</param>
/// <param name="MemoryBytes">Base weights, one candidate's weights and twice the pool's factors (sorted magnitudes), fp32.</param>
public sealed record RunForecast(long? Evaluations, long? Queries, long? Tokens, long MemoryBytes);
