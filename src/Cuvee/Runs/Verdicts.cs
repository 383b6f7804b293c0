using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>Holds a search's best against the best single adapter and its own start, by the objective and by the run's metric.</summary>
internal sealed class Verdicts(RunPlan plan, CandidateEvaluator evaluator, Account account, Account control)
{
    /// <summary>Of its questions.</summary>
    public const string Stage = "result";

    private const int FewestRecords = 5; // with fewer a bootstrap hardly varies: of one record every resample is that record

    private readonly RecordSource source = new(RunRecords.Validation, plan.Validation);

    /// <summary>Null when the run names no metric, the objective is that metric already, or the provider gives no text.</summary>
    public static IObjective? MetricObjectiveOf(RunPlan plan) =>
        plan.Configuration.Metric is { } metric && plan.Configuration.Objective.Name != metric.Name
            && plan.Configuration.Provider.Capabilities.Answers
            ? new MetricObjective(metric)
            : null;

    public async Task<RunVerdict> DecideAsync(
        IReadOnlyList<StageOutcome> stages, SingleAdapter byObjective, SingleAdapter? byMetric, CancellationToken cancellationToken)
    {
        var last = stages[^1];
        var objective = plan.Configuration.Objective;
        // The search pays for its own result; the adapters are controls, so that no search's budget depends on who found them.
        var found = (await AskAsync(EvaluationPurpose.Recheck, objective, [last.Recipe], last.Iterations, 0, account, cancellationToken)
            .ConfigureAwait(false))[0];
        var singles = await AskAsync(
            EvaluationPurpose.Recheck,
            objective,
            [.. ((SingleAdapter?[])[byObjective, byMetric]).OfType<SingleAdapter>().Select(RecipeOf)],
            last.Iterations,
            1,
            control,
            cancellationToken).ConfigureAwait(false);

        // The one chosen by the metric may have the lower loss: halving can miss.
        var better = byMetric is not null && singles[1].Loss < singles[0].Loss ? 1 : 0;
        var best = (better == 1 ? byMetric! : byObjective) with { Loss = singles[better].Loss };
        var difference = Bootstrap.Difference(
            objective.Contributions(plan.Validation, found.Observations),
            objective.Contributions(plan.Validation, singles[better].Observations),
            plan.Configuration.Seed);
        var isSingle = best.Loss < found.Loss
            || (best.Loss == found.Loss && RecipeKey.Of(last.Recipe) == RecipeKey.Of(RecipeOf(best)));
        var metric = await MeasureMetricAsync(last, byObjective, byMetric, cancellationToken).ConfigureAwait(false);
        return new RunVerdict(
            isSingle, best, byMetric, difference, found.Loss, metric, Sentence(isSingle, best, found.Loss, difference));
    }

    public static IEnumerable<RunWarning> WarningsOf(RunPlan plan, RunVerdict verdict, StageOutcome last)
    {
        if (verdict.Single.Loss < verdict.SearchLoss && plan.Configuration.Fallback == Configuration.Fallback.None)
            yield return new RunWarning(Stage, last.Iterations, WarningKind.WorseThanSingle, verdict.Sentence);
        if (verdict.Metric is not { } metric || verdict.SingleWon) yield break;
        if (verdict.SearchLoss < verdict.Single.Loss && metric.Search <= metric.Single)
        {
            yield return new RunWarning(
                Stage,
                last.Iterations,
                WarningKind.MetricDisagrees,
                $"the loss is better than the best single adapter's, but {metric.Name} on the validation records is not " +
                $"({100 * metric.Search:0.0} against {100 * metric.Single:0.0}); look at the answers before you believe the loss.");
        }
    }

    private async Task<ValidationMetric?> MeasureMetricAsync(
        StageOutcome last, SingleAdapter byObjective, SingleAdapter? byMetric, CancellationToken cancellationToken)
    {
        if (MetricObjectiveOf(plan) is not { } objective || byMetric is null) return null;
        MergeRecipe[] recipes =
        [
            last.Recipe,
            plan.Program.StartGiven(byObjective.Name),
            RecipeOf(byObjective),
            RecipeOf(byMetric),
        ];
        var values = (await AskAsync(EvaluationPurpose.Metric, objective, recipes, last.Iterations, 0, control, cancellationToken)
            .ConfigureAwait(false)).Select(evaluation => 1 - evaluation.Loss).ToList();
        return new ValidationMetric(plan.Configuration.Metric!.Name, values[0], values[1], Math.Max(values[2], values[3]));
    }

    private MergeRecipe RecipeOf(SingleAdapter adapter) => MergeRecipes.Single(plan.Search.Space, adapter.Name);

    private Task<IReadOnlyList<Evaluation>> AskAsync(
        EvaluationPurpose purpose, IObjective objective, IReadOnlyList<MergeRecipe> recipes, int iteration, int firstTrial, Account payer,
        CancellationToken cancellationToken) => evaluator.EvaluateAsync(
            [.. recipes.Select((recipe, i) => new Question(
                new QuestionKey(Stage, purpose, iteration, firstTrial + i), recipe, source, source.All, objective)
                {
                    Subject = $"{Stage} {firstTrial + i}",
                })],
            payer,
            cancellationToken);

    private string Sentence(bool isSingle, SingleAdapter single, double searchLoss, ConfidenceInterval difference)
    {
        var name = plan.Configuration.Objective.LossName;
        if (single.Loss == searchLoss)
        {
            return $"The search found nothing better than the best single adapter, {single.Name}: {name} {searchLoss:0.000} for both on " +
                $"the validation records; the result is {(isSingle ? "that adapter alone" : "the search's own")}.";
        }

        var interval = $"difference {difference.Value:+0.000;-0.000;0.000} [{difference.Lower:0.000}, {difference.Upper:0.000}]";
        var isSure = plan.Validation.Count >= FewestRecords && (isSingle || difference.Upper < 0);
        var surely = isSure ? "" : ", which may be chance";
        if (!isSingle)
        {
            return $"The search found something better than the best single adapter, {single.Name}: {name} {searchLoss:0.000} against " +
                $"{single.Loss:0.000} on the validation records ({interval}){surely}.";
        }

        return plan.Configuration.Fallback == Configuration.Fallback.BestSingle
            ? $"The best single adapter, {single.Name}, is better than anything the search found: {name} {single.Loss:0.000} against " +
                $"{searchLoss:0.000} on the validation records ({interval}){surely}; the result is that adapter alone (fallback: " +
                "best-single)."
            : $"The best single adapter, {single.Name}, is better than the result: {name} {single.Loss:0.000} against {searchLoss:0.000} " +
                $"on the validation records ({interval}){surely}; use it, or set fallback: best-single.";
    }
}
