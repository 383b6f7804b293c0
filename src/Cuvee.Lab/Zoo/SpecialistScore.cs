using Cuvee.Metrics;

namespace Cuvee.Lab.Zoo;

/// <summary>One specialist on its own test set beside the base model.</summary>
/// <param name="Metric">"ie-f1" or "accuracy"; values in [0, 1].</param>
/// <param name="Gain">Paired difference specialist - base with its 95% bootstrap interval.</param>
internal sealed record SpecialistScore(
    string Name, string Metric, int Records, double BaseLoss, double Loss, double BaseValue,
    ConfidenceInterval Value, ConfidenceInterval Gain);
