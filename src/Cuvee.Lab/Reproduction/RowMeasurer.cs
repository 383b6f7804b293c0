using Cuvee.LanguageModels;
using Cuvee.Metrics;

namespace Cuvee.Lab.Reproduction;

/// <summary>Asks a row's models the records of one test; counts of several models are summed.</summary>
internal static class RowMeasurer
{
    /// <summary>Of an answer; longer ones are cut.</summary>
    public const int MaxTokens = 96;

    /// <param name="tokens">Of an expected answer as it is scored, with the one that closes it and need not be generated.</param>
    public static bool IsCut(double tokens) => tokens > MaxTokens + 1;

    /// <summary>What a measurement depends on beside the models.</summary>
    public static string[] IdentityOf(ExperimentTest test) =>
        [test.Sha256, RecordsFingerprint.Of(test.Validation), Experiment.Metric, $"{MaxTokens}"];

    public static async Task<MeasuredRun> MeasureAsync(
        string run, RowOutcome outcome, ExperimentTest test, CancellationToken cancellationToken)
    {
        var metric = MetricCatalog.Get(Experiment.Metric);
        var losses = new Ratio[test.Records.Count];
        var counts = new MetricCounts[test.Records.Count];
        var validation = default(Ratio);
        foreach (var model in outcome.ModelsFor(test))
        {
            await using var lease = await model.OpenAsync(cancellationToken);
            var scores = await lease.Model.ScoreAsync(test.Validation, cancellationToken);
            validation = scores.Aggregate(validation, (sum, score) => sum + TestMeasurement.LossOf(score));
            var measured = await TestMeasurement.OfAsync(
                lease.Model, metric, test.Records, new GenerationOptions { MaxTokens = MaxTokens }, cancellationToken);
            for (var i = 0; i < losses.Length; i++) losses[i] += measured.Losses[i];
            for (var i = 0; i < counts.Length; i++) counts[i] += measured.Counts[i];
        }

        return new MeasuredRun(
            run, outcome.Name, outcome.Queries, outcome.Tokens, validation.Value,
            [.. losses.Select(loss => Math.Round(loss.Numerator, 5))],
            [.. losses.Select(loss => loss.Denominator)],
            [.. counts.Select(count => count.Matched)],
            [.. counts.Select(count => count.Predicted)],
            [.. counts.Select(count => count.Expected)]);
    }
}
