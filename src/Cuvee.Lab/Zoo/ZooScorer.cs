using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Metrics;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// Measures every specialist on its own test split: loss, and F1 or accuracy of greedy answers, against the base model on the same records.
/// </summary>
internal sealed class ZooScorer(ZooPlan plan, DataSetCatalog catalog, string zooFolder, int limit)
{
    private const int MaxTokens = 128;

    public async IAsyncEnumerable<SpecialistScore> ScoreAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var model = EmbeddedModel.Load(Path.Combine(zooFolder, "base"));
        var config = model.Weights.Config;
        var encoder = new ExampleEncoder(model.Tokenizer, config.EosTokenIds[0], config.MaxPositionEmbeddings);
        foreach (var specialist in plan.Specialists)
        {
            var folder = Path.Combine(zooFolder, "adapters", specialist.Name);
            if (!Directory.Exists(folder)) continue;
            var task = Enum.Parse<LabTask>(specialist.Task, ignoreCase: true);
            // As in training, what does not fit the context is left out.
            PromptCompletion[] records =
            [
                .. TaskBuilder.Build(catalog[specialist.Dataset], task, Split.Test, limit).Records
                    .Where(record => encoder.Encode(record) is not null),
            ];
            var metric = MetricCatalog.Get(task == LabTask.Classify ? "accuracy" : "ie-f1");
            var options = new GenerationOptions { MaxTokens = MaxTokens };
            var before = await TestMeasurement.OfAsync(model, metric, records, options, cancellationToken);
            var adapted = AdaptedModel.Create(model, PeftReader.Read(folder));
            var after = await TestMeasurement.OfAsync(adapted, metric, records, options, cancellationToken);
            yield return new SpecialistScore(
                specialist.Name, metric.Name, records.Length, before.Loss, after.Loss, MetricScore.Of(before.Counts).Value,
                Bootstrap.Interval(after.Counts, plan.Seed), Bootstrap.Difference(after.Counts, before.Counts, plan.Seed));
        }
    }
}
