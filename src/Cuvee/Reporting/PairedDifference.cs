using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>One row minus another, both on the same runs and test records, with 95% bootstrap intervals.</summary>
/// <param name="First">Name of the row; the main search where it is one of the two.</param>
/// <param name="Runs">Runs that have both rows.</param>
public sealed record PairedDifference(string First, string Second, int Runs, ConfidenceInterval Score, ConfidenceInterval TestLoss);
