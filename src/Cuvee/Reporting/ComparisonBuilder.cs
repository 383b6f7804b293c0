using Cuvee.Events;
using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Reporting;

/// <summary>
/// Measures finished searches and their controls (base model, uniform average, best single adapter by validation loss, random weights
/// of the first search's norm)
/// on the test records: teacher-forced loss, and the metric on greedy answers.
/// </summary>
public sealed class ComparisonBuilder(IAdapterHost host, IProgress<RunEvent> progress)
{
    /// <param name="plan">The first search's plan, with test records and comparison settings.</param>
    /// <param name="searches">Title and result of every search; the first one is compared with the controls.</param>
    public async Task<ComparisonTable> BuildAsync(
        RunPlan plan, IReadOnlyList<(string Title, RunResult Result)> searches, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(searches);
        var (space, seed) = (plan.Search.Space, plan.Configuration.Seed);
        var draws = plan.Configuration.Compare!.RandomDraws;
        var best = await BestSingleAsync(plan, cancellationToken).ConfigureAwait(false);
        var bestQueries = (long)plan.AdapterNames.Count * plan.Validation.Count;
        (string Name, RowKind Kind, long Queries, IReadOnlyList<MergeRecipe> Recipes)[] models =
        [
            ("base model", RowKind.Control, 0, [MergeRecipes.BaseModel(space)]),
            ("uniform average", RowKind.Control, 0, [MergeRecipes.Uniform(space, plan.AdapterNames)]),
            ($"best single adapter ({best})", RowKind.Control, bestQueries, [MergeRecipes.Single(space, best)]),
            ($"random weights, same norm ({draws} draws)", RowKind.Control, 0,
                MergeRecipes.RandomWeights(searches[0].Result.Recipe, draws, seed)),
            .. searches.Select(search =>
                (search.Title, RowKind.Search, search.Result.Spending.Queries, (IReadOnlyList<MergeRecipe>)[search.Result.Recipe])),
        ];

        var metric = MetricCatalog.Get(plan.Configuration.Compare.Metric);
        var rows = new List<MeasuredRow>();
        foreach (var (name, kind, queries, recipes) in models)
        {
            progress.Report(new ComparisonRowStarted(name));
            var row = new MeasuredRow(name, kind, queries);
            rows.Add(await MeasureAsync(plan, metric, row, recipes, cancellationToken).ConfigureAwait(false));
        }

        var first = rows.First(row => row.Kind == RowKind.Search);
        return new ComparisonTable(
            metric.Name,
            metric.HasPrecisionAndRecall,
            plan.Validation.Count,
            plan.Test!.Count,
            [.. rows.Select(row => row.ToRow(seed))],
            [.. rows.Where(row => row.Kind == RowKind.Control).Select(control => first.Minus(control, seed))]);
    }

    private async Task<string> BestSingleAsync(RunPlan plan, CancellationToken cancellationToken)
    {
        progress.Report(new ComparisonRowStarted("best single adapter, chosen by validation loss"));
        var losses = new List<(string Name, double Loss)>();
        foreach (var name in plan.AdapterNames)
        {
            await using var lease =
                await host.RealizeAsync(MergeRecipes.Single(plan.Search.Space, name), cancellationToken).ConfigureAwait(false);
            var scores = await lease.Model.ScoreAsync(plan.Validation, cancellationToken).ConfigureAwait(false);
            losses.Add((name, CrossEntropyObjective.MeanLoss(scores)));
        }

        return losses.MinBy(pair => pair.Loss).Name;
    }

    /// <summary>Several recipes are pooled: a record's counts are summed over them.</summary>
    private async Task<MeasuredRow> MeasureAsync(
        RunPlan plan, IMetric metric, MeasuredRow row, IReadOnlyList<MergeRecipe> recipes, CancellationToken cancellationToken)
    {
        var test = plan.Test!;
        var counts = new MetricCounts[test.Count];
        var losses = new Ratio[test.Count];
        var validation = default(Ratio);
        var options = new GenerationOptions { MaxTokens = plan.Configuration.Compare!.MaxTokens };
        foreach (var recipe in recipes)
        {
            await using var lease = await host.RealizeAsync(recipe, cancellationToken).ConfigureAwait(false);
            var validationScores = await lease.Model.ScoreAsync(plan.Validation, cancellationToken).ConfigureAwait(false);
            validation = validationScores.Aggregate(validation, (sum, score) => sum + TestMeasurement.LossOf(score));
            var measured = await TestMeasurement.OfAsync(lease.Model, metric, test, options, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < test.Count; i++)
            {
                losses[i] += measured.Losses[i];
                counts[i] += measured.Counts[i];
            }
        }

        return row with { ValidationLoss = validation.Value, Losses = losses, Counts = counts };
    }
}
