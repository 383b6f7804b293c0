using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Hosting;
using Cuvee.Journaling;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Reporting;

/// <summary>
/// Measures finished searches and their controls (base model, uniform average, best single adapter, random weights of the first search's
/// norm; where asked for, adapters drawn at random and few-shot prompts) on the test records: teacher-forced loss, and the metric on greedy
/// answers. Journalled in its own sub-folder: a table that was cut off goes on where it stopped.
/// </summary>
public sealed class ComparisonBuilder(IAdapterHost host, TimeProvider time, IProgress<RunEvent> progress)
{
    public const string Folder = "comparison";

    /// <param name="plan">The first search's plan, with test records and comparison settings.</param>
    /// <param name="searches">Title and result of every search; the first one is compared with the controls.</param>
    /// <param name="repair">Cut a damaged journal at its first damaged line.</param>
    /// <returns>The table, and what measuring it cost.</returns>
    public async Task<(ComparisonTable Table, RunSpending Spending)> BuildAsync(
        RunPlan plan, IReadOnlyList<(string Title, RunResult Result)> searches, CancellationToken cancellationToken, bool repair = false)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(searches);
        var configuration = plan.Configuration;
        var metric = configuration.Compare!.Metric;
        var folder = Directory.CreateDirectory(Path.Combine(plan.Out, Folder)).FullName;
        using var journal = ObservationJournal.Open(Path.Combine(folder, ObservationJournal.FileName), repair);
        journal.LeavesEndsBehind = true; // rows of an earlier result, when the search went on after its end
        using var log = EvaluationLog.Open(Path.Combine(folder, EvaluationLog.FileName), restart: true);
        var evaluator = new CandidateEvaluator(
            host,
            journal,
            log,
            new GenerationOptions { MaxTokens = configuration.MaxTokens },
            configuration.Provider.Capabilities.LogProbabilities == LogProbabilityDetail.PerToken,
            time);
        var account = new Account(price: configuration.Price);
        var rows = new List<MeasuredRow>();
        foreach (var (row, recipes, prompts) in Models(plan, searches))
        {
            progress.Report(new ComparisonRowStarted(row.Name));
            rows.Add(await new RowMeasurement(plan, metric, evaluator, account, prompts).MeasureAsync(row, recipes, cancellationToken)
                .ConfigureAwait(false));
        }

        rows = BetterSingle(rows);
        var table = new ComparisonTable
        {
            Title = searches[0].Title,
            Seed = configuration.Seed,
            PoolSize = plan.AdapterNames.Count,
            Metric = metric.Name,
            HasPrecisionAndRecall = metric.HasPrecisionAndRecall,
            ValidationRecords = plan.Validation.Count,
            TestSha256 = FileHash.Sha256(configuration.Test!),
            TestIds = [.. plan.Test!.Select(record => record.Id)],
            Rows = rows,
        };
        return (table, account.Spending);
    }

    private static IEnumerable<RowModels> Models(RunPlan plan, IReadOnlyList<(string Title, RunResult Result)> searches)
    {
        var (space, seed, compare) = (plan.Search.Space, plan.Configuration.Seed, plan.Configuration.Compare!);
        var (main, verdict, draws) = (searches[0].Result, searches[0].Result.Verdict, compare.RandomDraws);
        var baseModel = MergeRecipes.BaseModel(space);
        yield return new(Row(RowKeys.Base, "base model", 0), [baseModel]);
        yield return new(Row(RowKeys.Uniform, "uniform average", 0), [MergeRecipes.Uniform(space, plan.AdapterNames)]);
        foreach (var single in (SingleAdapter?[])[verdict.Single, verdict.SingleByMetric])
        {
            if (single is null || (single != verdict.Single && single.Name == verdict.Single.Name)) continue;
            var queries = verdict.Single.Queries + (verdict.SingleByMetric?.Queries ?? 0);
            yield return new(
                Row(RowKeys.BestSingle, $"best single adapter ({single.Name})", queries), [MergeRecipes.Single(space, single.Name)]);
        }

        if (main.Stages[^1].Recipe is WeightedRecipe weighted)
        {
            yield return new(
                Row(RowKeys.RandomWeights, $"random weights, same norm ({draws} draws)", 0),
                MergeRecipes.RandomWeights(weighted, draws, seed));
        }

        if (compare.RandomAdapters is { } adapters)
        {
            var count = adapters == ComparisonSettings.Auto ? MergeRecipes.AdaptersThatMatter(main.Stages[^1].Recipe) : adapters;
            yield return new(
                Row(RowKeys.RandomAdapters, $"random adapters, averaged ({count} of {plan.AdapterNames.Count}, {draws} draws)", 0),
                MergeRecipes.RandomAdapters(space, plan.AdapterNames, count, draws, seed));
        }

        if (plan.FewShot is { } prompts)
            yield return new(Row(RowKeys.FewShot, $"base model, few-shot ({prompts.Examples.Count} examples)", 0), [baseModel], prompts);

        foreach (var (title, result) in searches)
        {
            var name = result.IsSingle ? $"{title}, took {result.Verdict.Single.Name}" : title;
            var row = Row(title, name, result.Spending.Queries) with { Kind = RowKind.Search };
            yield return new(row, [result.Recipe]);
        }
    }

    private static MeasuredRow Row(string key, string name, long queries) =>
        new(key, name, RowKind.Control, queries) { ValidationLoss = double.NaN, Losses = [], Counts = [] };

    /// <summary>Of the best single adapter by loss and by metric, the one that is better on the validation records by the metric, or by
    /// the loss where the metric cannot tell.</summary>
    private static List<MeasuredRow> BetterSingle(List<MeasuredRow> rows)
    {
        var best = rows.Where(row => row.Key == RowKeys.BestSingle)
            .OrderByDescending(row => row.ValidationScore ?? 0)
            .ThenBy(row => double.IsNaN(row.ValidationLoss) ? double.PositiveInfinity : row.ValidationLoss).First();
        return [.. rows.Where(row => row.Key != RowKeys.BestSingle || row == best)];
    }
}

/// <summary>What a row is measured on: several recipes are pooled, a record's counts being summed over them.</summary>
/// <param name="Prompts">How the records are asked; null: as they stand.</param>
internal sealed record RowModels(MeasuredRow Row, IReadOnlyList<MergeRecipe> Recipes, FewShotPrompts? Prompts = null);

/// <summary>Measures one row.</summary>
internal sealed class RowMeasurement(
    RunPlan plan, IMetric metric, CandidateEvaluator evaluator, Account account, FewShotPrompts? prompts)
{
    private readonly string suffix = prompts is null ? "" : "/few-shot"; // other questions than the plain records
    private readonly RecordSource validation =
        prompts is null ? new(RunRecords.Validation, plan.Validation) : new($"{RunRecords.Validation}/few-shot", prompts.Validation);

    private readonly RecordSource test =
        prompts is null ? new(RunRecords.Test, plan.Test!) : new($"{RunRecords.Test}/few-shot", prompts.Test);

    public async Task<MeasuredRow> MeasureAsync(MeasuredRow row, IReadOnlyList<MergeRecipe> recipes, CancellationToken cancellationToken)
    {
        var capabilities = plan.Configuration.Provider.Capabilities;
        var losses = new Ratio[test.Records.Count];
        var counts = new MetricCounts[test.Records.Count];
        var (validationLoss, validationCounts) = (default(Ratio), default(MetricCounts));
        foreach (var recipe in recipes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (capabilities.LogProbabilities != LogProbabilityDetail.None)
            {
                validationLoss += Sum(await ScoresAsync(recipe, validation, EvaluationPurpose.Validation).ConfigureAwait(false));
                Add(losses, await ScoresAsync(recipe, test, EvaluationPurpose.TestLoss).ConfigureAwait(false));
            }

            if (!capabilities.Answers) continue;
            foreach (var count in await CountsAsync(recipe, validation, EvaluationPurpose.Metric).ConfigureAwait(false))
                validationCounts += count;
            var answered = await CountsAsync(recipe, test, EvaluationPurpose.TestAnswers).ConfigureAwait(false);
            for (var i = 0; i < counts.Length; i++) counts[i] += answered[i];
        }

        return row with
        {
            ValidationLoss = validationLoss.Value,
            ValidationScore = capabilities.Answers ? MetricScore.Of([validationCounts]).Value : null,
            Losses = losses,
            Counts = counts,
        };

        async Task<IReadOnlyList<Ratio>> ScoresAsync(MergeRecipe recipe, RecordSource source, EvaluationPurpose purpose)
        {
            var objective = new CrossEntropyObjective();
            var evaluation = await AskAsync(recipe, source, purpose, objective).ConfigureAwait(false);
            return objective.Contributions(source.Records, evaluation.Observations);
        }

        async Task<IReadOnlyList<MetricCounts>> CountsAsync(MergeRecipe recipe, RecordSource source, EvaluationPurpose purpose)
        {
            var evaluation = await AskAsync(recipe, source, purpose, new MetricObjective(metric)).ConfigureAwait(false);
            return metric.Count(
                [.. source.Records.Select(record => record.Completion)],
                [.. evaluation.Observations.Select(observation => observation.Text ?? "")]);
        }

        async Task<Evaluation> AskAsync(MergeRecipe recipe, RecordSource source, EvaluationPurpose purpose, IObjective objective)
        {
            // The stage names the recipe: a search that went on beyond its end has other rows, not other answers to the same question.
            var question = new Question(
                new QuestionKey($"row/{RecipeKey.Of(recipe)}{suffix}", purpose, 0, 0), recipe, source, source.All, objective)
            {
                Subject = row.Name,
                Stop = prompts?.Stop ?? [],
            };
            return (await evaluator.EvaluateAsync([question], account, cancellationToken).ConfigureAwait(false))[0];
        }
    }

    private static Ratio Sum(IReadOnlyList<Ratio> ratios) => ratios.Aggregate((sum, ratio) => sum + ratio);

    private static void Add(Ratio[] sums, IReadOnlyList<Ratio> ratios)
    {
        for (var i = 0; i < sums.Length; i++) sums[i] += ratios[i];
    }
}
