using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Metrics;
using Cuvee.Reporting;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// Loss and metric of a row's models on one test, record by record, kept in the row's folder as a table of one row under a name that
/// everything deciding it is part of: what was measured once is read.
/// </summary>
internal sealed class RowMeasurer(string folder, ulong seed)
{
    private const int MaxTokens = 96;

    public async Task<MeasuredRow> MeasureAsync(
        IExperimentRow row, RowOutcome outcome, ExperimentTest test, CancellationToken cancellationToken)
    {
        var metric = MetricCatalog.Get(Experiment.Metric);
        var models = outcome.ModelsFor(test);
        var key = ZooFingerprint.Of(
            [.. models.Select(model => model.Identity), test.Sha256, RecordsFingerprint.Of(test.Validation), metric.Name, MaxTokens]);
        var path = Path.Combine(folder, $"{test.Target.Name}-{key[..12]}.json");
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(folder);
            ComparisonFile.Write(path, new ComparisonTable
            {
                Title = row.Key,
                Seed = seed,
                PoolSize = 0,
                Metric = metric.Name,
                HasPrecisionAndRecall = metric.HasPrecisionAndRecall,
                ValidationRecords = test.Validation.Count,
                TestSha256 = test.Sha256,
                TestIds = [.. test.Records.Select(record => record.Id)],
                Rows = [await AskAsync(row, models, test, metric, cancellationToken)],
            });
        }

        var read = ComparisonFile.Read(path).Rows[0]; // queries and names are the run's, whoever measured first
        return read with { Name = outcome.Name, Queries = outcome.Queries };
    }

    private static async Task<MeasuredRow> AskAsync(
        IExperimentRow row, IReadOnlyList<RowModel> models, ExperimentTest test, IMetric metric, CancellationToken cancellationToken)
    {
        var losses = new Ratio[test.Records.Count];
        var counts = new MetricCounts[test.Records.Count];
        var validation = default(Ratio);
        foreach (var model in models)
        {
            await using var lease = await model.OpenAsync(cancellationToken);
            var scores = await lease.Model.ScoreAsync(test.Validation, cancellationToken);
            validation = scores.Aggregate(validation, (sum, score) => sum + TestMeasurement.LossOf(score));
            var measured = await TestMeasurement.OfAsync(
                lease.Model, metric, test.Records, new GenerationOptions { MaxTokens = MaxTokens }, cancellationToken);
            for (var i = 0; i < losses.Length; i++) losses[i] += measured.Losses[i];
            for (var i = 0; i < counts.Length; i++) counts[i] += measured.Counts[i];
        }

        var kind = row.Kind is ExperimentRowKind.Search or ExperimentRowKind.Baseline ? RowKind.Search : RowKind.Control;
        return new MeasuredRow(row.Key, row.Name, kind, 0) { ValidationLoss = validation.Value, Losses = losses, Counts = counts };
    }
}
