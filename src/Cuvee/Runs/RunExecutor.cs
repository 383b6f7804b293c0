using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>
/// Runs a plan: find the best single adapter; per stage ask, realise, evaluate the whole generation on one common sample, journal, tell;
/// then re-evaluate what was found beside the best single adapter, ship the better one and write it. Every question follows from the plan
/// and the answers before it, so resuming is the same run with its first answers read from the journal.
/// </summary>
public sealed class RunExecutor(IProviderSession session, TimeProvider time, IProgress<RunEvent> progress)
{
    /// <param name="options">Null: defaults.</param>
    /// <param name="known">The best single adapters of the main search, for a comparison search on the same data; null finds them.</param>
    /// <exception cref="BadInputException">The folder holds a run with other settings or inputs, or a damaged journal.</exception>
    /// <exception cref="LanguageModelException">The provider failed; run again with resume.</exception>
    /// <exception cref="OperationCanceledException">Everything answered so far is in the journal; run again with resume.</exception>
    public async Task<RunResult> ExecuteAsync(
        RunPlan plan, RunVerdict? known, RunOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using var run = Open(plan, options);
        return await ExecuteAsync(plan, run, known, leaveOpen: false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Until it is disposed no other process works in the run's folder.</summary>
    internal OpenRun Open(RunPlan plan, RunOptions? options) => OpenRun.Open(plan, session.Host, time, options ?? new RunOptions());

    /// <param name="leaveOpen">More belongs to the run than the search: the manifest, which says that it is finished, comes later.</param>
    internal async Task<RunResult> ExecuteAsync(
        RunPlan plan, OpenRun run, RunVerdict? known, bool leaveOpen, CancellationToken cancellationToken)
    {
        progress.Report(new RunStarted(plan.Title, plan.AdapterNames, plan.Forecast));
        if (run.Journal.HasEarlierAnswers) progress.Report(new RunResumed());

        var price = plan.Configuration.Price;
        var (account, control) = (new Account(run.Budget, price), new Account(price: price));
        var singles = await FindSinglesAsync(plan, run.Evaluator, account, control, known, cancellationToken).ConfigureAwait(false);
        var (stages, warnings) = await RunStagesAsync(
            plan, plan.Program.StartGiven(singles.ByObjective.Name), run, account, cancellationToken).ConfigureAwait(false);
        control.BookLost(run.LeftBehind(end => end.Controls, stages[^1].Iterations));
        var verdict = await new Verdicts(plan, run.Evaluator, account, control)
            .DecideAsync(stages, singles.ByObjective, singles.ByMetric, cancellationToken).ConfigureAwait(false);
        var conclusions = Verdicts.WarningsOf(plan, verdict, stages[^1]).ToList();
        foreach (var warning in conclusions) progress.Report(warning);

        var isSingle = verdict.SingleWon && plan.Configuration.Fallback == Configuration.Fallback.BestSingle;
        var result = new RunResult
        {
            Out = plan.Out,
            Identity = run.Identity,
            Recipe = isSingle ? MergeRecipes.Single(plan.Search.Space, verdict.Single.Name) : stages[^1].Recipe,
            ValidationLoss = isSingle ? verdict.Single.Loss : verdict.SearchLoss,
            StartLoss = stages[0].Start.Loss,
            Spending = account.Spending,
            ControlSpending = control.Spending,
            Stages = stages,
            Verdict = verdict,
            IsSingle = isSingle,
            Warnings = [.. warnings, .. conclusions],
            WallTime = default,
        };
        result = result with
        {
            Written = await new ResultOutput(plan, session, run.Evaluator, control).WriteAsync(result, cancellationToken)
                .ConfigureAwait(false),
        };
        result = result with { ControlSpending = control.Spending };
        run.Journal.AppendSeconds(run.Evaluator.TakeSeconds());
        result = result with { WallTime = run.WallTime };
        RunWriter.Write(plan, result);
        if (!leaveOpen) RunWriter.Finish(plan, result, comparison: null);
        progress.Report(new RunFinished(plan.Out, result.ValidationLoss, result.Spending, result.WallTime));
        return result;
    }

    private async Task<(SingleAdapter ByObjective, SingleAdapter? ByMetric)> FindSinglesAsync(
        RunPlan plan, CandidateEvaluator evaluator, Account account, Account control, RunVerdict? known,
        CancellationToken cancellationToken)
    {
        async Task<(SingleAdapter Best, IReadOnlyList<string> Ranking)> FindAsync(
            IReadOnlyList<string> prior, IObjective objective, Account payer) => await BestSingleAdapter.FindAsync(
                plan, prior, objective, evaluator, payer, progress, cancellationToken).ConfigureAwait(false);

        var unranked = BestSingleAdapter.Unranked(plan);
        var (byObjective, ranking) = known is null
            ? await FindAsync(unranked, plan.Configuration.Objective, account).ConfigureAwait(false)
            : (known.Single, unranked);
        if (Verdicts.MetricObjectiveOf(plan) is not { } metric) return (byObjective, null);
        return (byObjective, known?.SingleByMetric ?? (await FindAsync(ranking, metric, control).ConfigureAwait(false)).Best);
    }

    private async Task<(IReadOnlyList<StageOutcome> Stages, IReadOnlyList<RunWarning> Warnings)> RunStagesAsync(
        RunPlan plan, MergeRecipe start, OpenRun run, Account account, CancellationToken cancellationToken)
    {
        var recipe = start;
        var outcomes = new List<StageOutcome>();
        var warnings = new List<RunWarning>();
        var spentBefore = account.Spending;
        account.Evaluations = 0; // the budget of evaluations is the stages'
        foreach (var stage in plan.Program.Stages)
        {
            // A later, larger budget goes to the last stage: the stages before it meet the budget and the bill that they met.
            var isLast = outcomes.Count == plan.Program.Stages.Count - 1;
            var budget = isLast ? run.Budget : plan.Search.Budget;
            var leftBehind = isLast ? run.LeftBehind(end => end.Search) : default;
            account.BookLost(leftBehind);
            double? LimitOf(double? whole, double? before) => before + ((whole - before) * stage.BudgetShare);
            var limit = new StageLimit(
                budget.Evaluations * stage.BudgetShare,
                new SpendingLimits(
                    LimitOf(budget.Queries, spentBefore.Queries), LimitOf(budget.Tokens, spentBefore.Tokens),
                    LimitOf(budget.Cost, spentBefore.Cost)));
            var stageRun = new StageRun(
                stage, stage.SpaceAround(recipe), plan, run.Evaluator, account, limit, new StagePace(time, plan, stage), progress);
            var outcome = await stageRun.ExecuteAsync(recipe, cancellationToken).ConfigureAwait(false);
            if (isLast) account.BookLost(run.LeftBehind(end => end.Search, outcome.Iterations) - leftBehind); // an end that was met again
            outcomes.Add(outcome);
            warnings.AddRange(stageRun.Warnings);
            recipe = outcome.Recipe;
        }

        account.Evaluations += spentBefore.Evaluations;
        return (outcomes, warnings);
    }
}

/// <summary>How a run is to be opened.</summary>
/// <param name="Repair">Cut a damaged journal at its first damaged line.</param>
/// <param name="LargerBudget">Go on beyond the budget that the run began with.</param>
public sealed record RunOptions(bool Repair = false, Configuration.RunBudget? LargerBudget = null);

/// <summary>The files of a run that is being worked on; its folder is this process's alone.</summary>
internal sealed class OpenRun : IDisposable
{
    private readonly EvaluationLog log;

    private OpenRun(
        RunPlan plan, Hosting.IAdapterHost host, TimeProvider time, RunIdentity identity, ObservationJournal journal, EvaluationLog log)
    {
        (Identity, Journal, this.log) = (identity, journal, log);
        Evaluator = new CandidateEvaluator(
            host,
            journal,
            log,
            new GenerationOptions { MaxTokens = plan.Configuration.MaxTokens },
            plan.Configuration.Provider.Capabilities.LogProbabilities == LogProbabilityDetail.PerToken,
            time,
            plan.Expenses);
    }

    public RunIdentity Identity { get; }

    public ObservationJournal Journal { get; }

    public CandidateEvaluator Evaluator { get; }

    /// <summary>The plan's, or the larger one that a resume gave.</summary>
    public Configuration.RunBudget Budget => Identity.Budget;

    /// <summary>What was paid for the ends that a larger budget left behind.</summary>
    /// <param name="end">Iterations at which the run ends now: what it asks there is in the journal and paid once.</param>
    public Expense LeftBehind(Func<EarlierEnd, Expense> part, int? end = null) =>
        Expense.Sum((Identity.Extension?.Ends ?? []).Where(earlier => earlier.Iterations != end).Select(part));

    public TimeSpan WallTime => TimeSpan.FromSeconds(Journal.EarlierSeconds + Evaluator.SecondsTaken);

    public static OpenRun Open(RunPlan plan, Hosting.IAdapterHost host, TimeProvider time, RunOptions options)
    {
        var identity = RunIdentity.Of(plan);
        identity.Continues(plan.Out); // before a file of another run is touched
        Directory.CreateDirectory(plan.Out);
        var journal = ObservationJournal.Open(Path.Combine(plan.Out, ObservationJournal.FileName), options.Repair);
        try
        {
            identity.Claim(plan.Out, ExtensionOf(plan, identity, journal, options.LargerBudget));
            RunWriter.Reopen(plan.Out);
            journal.LeavesEndsBehind = identity.Extension is not null;
            var restart = options.Repair || identity.Extension is not null;
            return new OpenRun(
                plan, host, time, identity, journal, EvaluationLog.Open(Path.Combine(plan.Out, EvaluationLog.FileName), restart));
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>
    /// What earlier ends asked was paid; only the last stage goes on, so that the stages before it keep their ends. Null: the budget is the
    /// one that the run has already.
    /// </summary>
    private static BudgetExtension? ExtensionOf(
        RunPlan plan, RunIdentity identity, ObservationJournal journal, Configuration.RunBudget? larger)
    {
        if (larger is null || identity.Budget.With(larger) == identity.Budget) return null;
        var last = plan.Program.Stages[^1].Name;
        var search = journal.ExpenseByIteration(key => key.Purpose == EvaluationPurpose.Recheck && key.Stage == last);
        var controls = journal.ExpenseByIteration(key => key.IsOfAnEnd && key.Stage == Verdicts.Stage);
        return new BudgetExtension(
            larger,
            [.. search.Keys.Union(controls.Keys).Order().Select(iterations => new EarlierEnd(
                iterations, search.GetValueOrDefault(iterations), controls.GetValueOrDefault(iterations)))]);
    }

    public void Dispose()
    {
        log.Dispose();
        Journal.Dispose();
    }
}
