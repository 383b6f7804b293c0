using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>The first search's row minus a control's, both on the same test records, with 95% bootstrap intervals.</summary>
public sealed record PairedDifference(string Search, string Control, ConfidenceInterval Score, ConfidenceInterval TestLoss);
