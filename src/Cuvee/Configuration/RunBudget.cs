using System.Text.Json.Serialization;

namespace Cuvee.Configuration;

/// <summary>Upper limits of one search, re-evaluations included; null for no limit of that kind.</summary>
/// <param name="Evaluations">Of the stages: candidates, held-out checks and re-evaluations. Neither what finds the best single adapter
/// counts nor what holds the result against it.</param>
/// <param name="Queries">Records scored; cache hits are free.</param>
/// <param name="Tokens">Prompt and completion tokens of those queries.</param>
/// <param name="Cost">Of those tokens, by <see cref="RunConfiguration.Price"/>.</param>
public sealed record RunBudget(
    int? Evaluations,
    int? Queries,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Tokens = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Cost = null)
{
    public static RunBudget None { get; } = new(null, null);

    /// <summary>The limits of <paramref name="other"/>, and these where it has none.</summary>
    public RunBudget With(RunBudget other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(other.Evaluations ?? Evaluations, other.Queries ?? Queries, other.Tokens ?? Tokens, other.Cost ?? Cost);
    }

    /// <summary>Limits of each kind, by the name that a run file gives it.</summary>
    internal IReadOnlyList<(string Key, double? Limit)> ByKey =>
        [("evaluations", Evaluations), ("queries", Queries), ("tokens", Tokens), ("cost", Cost)];
}
