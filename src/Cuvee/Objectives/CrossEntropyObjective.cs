using Cuvee.Metrics;

namespace Cuvee.Objectives;

/// <summary>
/// Mean negative log-likelihood per answer token in nats, end-of-sequence included, prompt tokens not (arXiv 2509.12951): long answers
/// weigh more, as in teacher-forced training.
/// </summary>
public sealed class CrossEntropyObjective : IObjective
{
    public const string ObjectiveName = "cross-entropy";

    public string Name => ObjectiveName;

    public ObservationKind Observes => ObservationKind.Score;

    public IReadOnlyList<Ratio> Contributions(IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return [.. observations.Select(observation => new Ratio(-observation.LogProbability, observation.Tokens))];
    }
}

/// <summary>One minus a metric of greedy answers, for providers without log-probabilities or users who trust only the metric.</summary>
internal sealed class MetricObjective(IMetric metric) : IObjective
{
    public string Name => metric.Name;

    public string LossName => $"1 - {metric.Name}";

    public ObservationKind Observes => ObservationKind.Answer;

    public IObjective For(IReadOnlyList<PromptCompletion> records) =>
        new MetricObjective(metric.For([.. records.Select(record => record.Completion)]));

    // 1 - 2 m / (p + e) as one quotient: sums of p + e - 2 m over sums of p + e.
    public IReadOnlyList<Ratio> Contributions(IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(records);
        var counts = metric.Count(
            [.. records.Select(record => record.Completion)], [.. observations.Select(observation => observation.Text ?? "")]);
        return [.. counts.Select(count => count.ToRatio()).Select(f => new Ratio(f.Denominator - f.Numerator, f.Denominator))];
    }
}

public static class ObjectiveExtensions
{
    /// <summary>Loss of a sample; positive infinity where a contribution is not a number.</summary>
    public static double Loss(
        this IObjective objective, IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(objective);
        var loss = objective.Contributions(records, observations).Aggregate((sum, record) => sum + record).Value;
        return double.IsNaN(loss) ? double.PositiveInfinity : loss;
    }
}
