namespace Cuvee.Metrics;

/// <param name="Value">The estimate from the records themselves.</param>
/// <param name="Lower">2.5% quantile of the resampled estimates.</param>
/// <param name="Upper">97.5% quantile.</param>
public readonly record struct ConfidenceInterval(double Value, double Lower, double Upper);
