namespace Cuvee.Metrics;

/// <summary>
/// One model on test records: teacher-forced loss and a metric of its answers, record by record, so that models can be compared pairwise.
/// </summary>
/// <param name="Losses">[records], negative log-probability in nats over scored tokens.</param>
/// <param name="Counts">[records]</param>
public sealed record TestMeasurement(IReadOnlyList<Ratio> Losses, IReadOnlyList<MetricCounts> Counts)
{
    /// <summary>Nats per answer token.</summary>
    public double Loss => Losses.Aggregate((sum, loss) => sum + loss).Value;

    public static async Task<TestMeasurement> OfAsync(
        ILanguageModel model, IMetric metric, IReadOnlyList<PromptCompletion> records, GenerationOptions options,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(records);
        var scores = await model.ScoreAsync(records, cancellationToken).ConfigureAwait(false);
        var answers = await model.GenerateAsync(
            [.. records.Select(record => record.Prompt)], options, cancellationToken)
            .ConfigureAwait(false);
        return new TestMeasurement(
            [.. scores.Select(LossOf)],
            metric.Count([.. records.Select(record => record.Completion)], [.. answers.Select(answer => answer.Text)]));
    }

    public static Ratio LossOf(ScoredCompletion score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new Ratio(-score.LogProbability, score.Tokens);
    }
}
