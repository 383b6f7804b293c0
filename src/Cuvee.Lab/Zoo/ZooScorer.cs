using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Metrics;

namespace Cuvee.Lab.Zoo;

/// <summary>Measures every specialist on its own test split: loss, and F1 or accuracy of greedy answers, against the base model on the same records.</summary>
internal sealed class ZooScorer(ZooPlan plan, DataSetCatalog catalog, string zooFolder, int limit)
{
    private const int MaxTokens = 128;

    public async IAsyncEnumerable<SpecialistScore> ScoreAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var model = EmbeddedModel.Load(Path.Combine(zooFolder, "base"));
        foreach (var specialist in plan.Specialists)
        {
            var folder = Path.Combine(zooFolder, "adapters", specialist.Name);
            if (!Directory.Exists(folder)) continue;
            var task = Enum.Parse<LabTask>(specialist.Task, ignoreCase: true);
            var records = TaskBuilder.Build(catalog[specialist.Dataset], task, Split.Test, limit).Records;
            var metric = MetricCatalog.Get(task == LabTask.Classify ? "accuracy" : "ie-f1");
            var (baseLoss, baseCounts) = await MeasureAsync(model, metric, records, cancellationToken);
            var adapted = AdaptedModel.Create(model, PeftReader.Read(folder));
            var (loss, counts) = await MeasureAsync(adapted, metric, records, cancellationToken);
            yield return new SpecialistScore(
                specialist.Name, metric.Name, records.Count, baseLoss, loss, MetricScore.Of(baseCounts).Value,
                Bootstrap.Interval(counts, plan.Seed), Bootstrap.Difference(counts, baseCounts, plan.Seed));
        }
    }

    private static async Task<(double Loss, IReadOnlyList<MetricCounts> Counts)> MeasureAsync(
        EmbeddedModel model, IMetric metric, IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        var scored = await model.ScoreAsync(records, cancellationToken);
        var options = new GenerationOptions { MaxTokens = MaxTokens };
        var answers = await model.GenerateAsync([.. records.Select(r => r.Prompt)], options, cancellationToken);
        return (
            -scored.Sum(s => s.LogProbability) / scored.Sum(s => s.Tokens),
            metric.Count([.. records.Select(r => r.Completion)], [.. answers.Select(a => a.Text)]));
    }
}
