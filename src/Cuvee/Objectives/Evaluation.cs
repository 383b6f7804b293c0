using Cuvee.LanguageModels;

namespace Cuvee.Objectives;

/// <param name="Loss">Without penalty; nats per token for cross-entropy.</param>
/// <param name="Penalty">Added to <paramref name="Loss"/> by optimisers, never by reports.</param>
/// <param name="PerExample">In the order of the sample.</param>
public sealed record Evaluation(double Loss, double Penalty, IReadOnlyList<ScoredCompletion> PerExample);
