using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>One model of the table.</summary>
/// <param name="Queries">Validation queries that finding it cost; measuring it on validation and test is not counted.</param>
/// <param name="ValidationLoss">Nats per answer token.</param>
/// <param name="TestLoss">The same on the test records.</param>
/// <param name="Score">The metric on the test records.</param>
/// <param name="Interval">95% bootstrap interval of <see cref="MetricScore.Value"/> over test records.</param>
public sealed record ComparisonRow(
    string Name, RowKind Kind, long Queries, double ValidationLoss, double TestLoss, MetricScore Score, ConfidenceInterval Interval);
