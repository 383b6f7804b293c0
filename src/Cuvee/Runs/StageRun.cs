using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Objectives;
using Cuvee.Optimization;
using Cuvee.Optimization.Nsga2;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>One measured point of a stage, on all validation records.</summary>
/// <param name="Objective">Loss plus penalty: what the stage decides by.</param>
public sealed record StageValue(double Objective, double Loss, double Penalty);

/// <param name="StopReason">Why the stage ended, such as <c>budget</c>, <c>evaluations</c>, <c>held-out</c>, <c>nothing-new</c> or an
/// optimiser's <c>tolx</c>.</param>
/// <param name="Start">The recipe that the stage began with.</param>
/// <param name="Value">Of <paramref name="Recipe"/>; its objective is never above the start's where the start may win, because the start
/// is one of the re-evaluated points. Its loss may be, where the stage bought a smaller penalty.</param>
/// <param name="Winner">Which re-evaluated point won: <c>start</c>, <c>recommendation 1</c> (the optimiser's best guess) and so on, or
/// <c>held-out</c>.</param>
public sealed record StageOutcome(
    string Name, int Iterations, string StopReason, StageValue Start, StageValue Value, string Winner, MergeRecipe Recipe)
{
    /// <summary>By the first loss, rising; empty where the optimiser has none.</summary>
    public IReadOnlyList<FrontPoint> Front { get; init; } = [];
}

/// <summary>A recipe that no other of its front beats in every objective.</summary>
/// <param name="Losses">One an objective, in the run file's order, on all validation records.</param>
public sealed record FrontPoint(MergeRecipe Recipe, IReadOnlyList<double> Losses);

/// <summary>What a run may have spent when a stage ends.</summary>
internal sealed record StageLimit(double? Evaluations, SpendingLimits Spending);

/// <summary>One stage of one run, start to re-evaluated result; everything in it is decided by the stage's own objective.</summary>
/// <param name="limit">What may be spent when this stage ends.</param>
internal sealed class StageRun(
    Stage stage, ISearchSpace space, RunPlan plan, CandidateEvaluator evaluator, Account account,
    StageLimit limit, StagePace pace, IProgress<RunEvent> progress)
{
    private const int MostRepetitions = 100; // far more than a search goes through on its way to something new

    private readonly List<RunWarning> warnings = [];
    private readonly EarlyStopping earlyStopping = new(stage.Patience);
    private readonly RunMonitor monitor = new(stage.Name, space, stage.SampleSize >= plan.Split.Search.Count);
    private readonly RecordSource source = new(RunRecords.Validation, plan.Validation);
    private int repetitions; // generations in a row whose answers were all known

    public IReadOnlyList<RunWarning> Warnings => warnings;

    private IReadOnlyList<IObjective> Objectives => plan.Configuration.Objectives;

    public async Task<StageOutcome> ExecuteAsync(MergeRecipe start, CancellationToken cancellationToken)
    {
        var optimizer = stage.OptimizerOf(space, plan.Split.Search.Count);
        progress.Report(new StageStarted(stage.Name, optimizer.Dimension, optimizer.Name));
        var candidates = 0;
        string? stopReason;
        while ((stopReason = StopReason(optimizer)) is null)
        {
            var trials = optimizer.Ask();
            var sample = plan.Split.Sample(stage.SampleSize, stage.Name, optimizer.Iteration, plan.Configuration.Seed);
            var questions = trials.Select((trial, i) => QuestionOf(
                EvaluationPurpose.Search, optimizer.Iteration, i, trial.Point, RecordsOf(trial, sample))).ToList();
            if ((stopReason = Refusal([.. questions, .. FurtherQuestions(questions)], candidates + questions.Count)) is not null) break;

            var answered = account.Answered;
            var evaluations = await EvaluateAsync(questions, cancellationToken).ConfigureAwait(false);
            var further = await EvaluateAsync(FurtherQuestions(questions), cancellationToken).ConfigureAwait(false);
            repetitions = account.Answered == answered ? repetitions + 1 : 0;
            var told = questions.Zip(evaluations, ToTrialEvaluation).ToList();
            if (further.Count > 0)
                told = [.. told.Select((evaluation, i) => evaluation with { Losses = LossesOf(evaluations, further, i) })];
            optimizer.Tell(told);
            candidates += trials.Count;
            Report(optimizer, trials, told, candidates);
            if (optimizer.Iteration % stage.CheckEvery == 0) await CheckHeldOutAsync(optimizer, cancellationToken).ConfigureAwait(false);
        }

        var outcome = await RecheckAsync(optimizer, stopReason, start, cancellationToken).ConfigureAwait(false);
        if (optimizer is IParetoOptimizer pareto)
            outcome = outcome with { Front = await MeasureFrontAsync(pareto, cancellationToken).ConfigureAwait(false) };
        progress.Report(new StageFinished(stage.Name, stopReason, outcome.Start.Loss, outcome.Value.Loss, outcome.Recipe));
        return outcome;
    }

    private string? StopReason(IOptimizer optimizer) =>
        optimizer.StopReasons.Count > 0 ? string.Join(", ", optimizer.StopReasons.Keys.Order(StringComparer.Ordinal))
        : earlyStopping.HasStopped ? "held-out"
        : repetitions >= MostRepetitions ? "nothing-new" // what costs no query would never end by a budget of queries
        : null;

    /// <summary>
    /// Why these questions may not be asked, null when they may: a generation is answered whole, and the re-evaluation stays affordable.
    /// </summary>
    private string? Refusal(IReadOnlyList<Question> questions, int candidates)
    {
        if (candidates > stage.MaxEvaluations) return "evaluations";
        return AffordsBesideRecheck(questions) ? null : "budget";
    }

    private bool AffordsBesideRecheck(IReadOnlyList<Question> questions)
    {
        // What was afforded once is asked again, and nothing else in its place, whatever limit and bill have become since.
        if (evaluator.WereAsked(questions) is { } wereAsked) return wereAsked;
        var evaluations = account.Evaluations + questions.Count + GenerationSizes.Rechecks + (stage.FrontSize * Objectives.Count);
        if (evaluations > limit.Evaluations) return false;
        var expense = account.Meter.Spent + evaluator.BoundOf(questions)
            + (plan.Expenses.All(plan.Configuration.Objective.Observes) * GenerationSizes.Rechecks)
            + (Expense.Sum(Objectives.Select(objective => plan.Expenses.All(objective.Observes))) * stage.FrontSize);
        return limit.Spending.PassedBy(expense, plan.Configuration.Price) is null;
    }

    private void Report(IOptimizer optimizer, IReadOnlyList<Trial> trials, List<TrialEvaluation> evaluations, int candidates)
    {
        var losses = evaluations.Select(evaluation => evaluation.Loss).Where(double.IsFinite).DefaultIfEmpty(double.NaN).ToList();
        progress.Report(new IterationFinished(
            stage.Name,
            optimizer.Iteration,
            losses.Min(),
            losses.Average(),
            account.Spending,
            pace.TimeLeft(candidates, account.Spending)));
        foreach (var warning in monitor.Observe(optimizer.Iteration, trials, evaluations, optimizer.Recommend()[0]))
        {
            warnings.Add(warning);
            progress.Report(warning);
        }
    }

    private async Task CheckHeldOutAsync(IOptimizer optimizer, CancellationToken cancellationToken)
    {
        var questions = optimizer.Recommend().Select((guess, i) => QuestionOf(
            EvaluationPurpose.HeldOut, optimizer.Iteration, i, guess, plan.Split.HeldOut)).ToList();
        if (plan.Split.HeldOut.Count == 0 || !AffordsBesideRecheck(questions)) return;
        var evaluations = await EvaluateAsync(questions, cancellationToken).ConfigureAwait(false);
        earlyStopping.Observe([.. questions.Zip(evaluations, (question, evaluation) => (question.Point!, evaluation.Objective))]);
        progress.Report(new HeldOutChecked(
            stage.Name,
            optimizer.Iteration,
            evaluations.Min(evaluation => evaluation.Objective),
            earlyStopping.Best,
            earlyStopping.ChecksWithoutGain));
    }

    /// <summary>
    /// The start, the optimiser's recommendations and the best held-out point, all measured again on all validation records: the lowest
    /// objective wins, the start (where it may) if nothing is lower.
    /// </summary>
    private async Task<StageOutcome> RecheckAsync(
        IOptimizer optimizer, string stopReason, MergeRecipe start, CancellationToken cancellationToken)
    {
        var points = new List<(string Name, IReadOnlyList<double> Point)> { ("start", space.Start) };
        var guesses = optimizer.Recommend().Take(GenerationSizes.Rechecks - 2);
        points.AddRange(guesses.Select((guess, i) => ($"recommendation {i + 1}", (IReadOnlyList<double>)guess)));
        if (earlyStopping.BestPoint is { } heldOutBest) points.Add(("held-out", heldOutBest));

        var questions = points.Select((point, i) => QuestionOf(
            EvaluationPurpose.Recheck, optimizer.Iteration, i, point.Point, source.All)).ToList();
        var evaluations = await EvaluateAsync(questions, cancellationToken).ConfigureAwait(false);
        var best = evaluations.Index().Skip(stage.StartMayWin ? 0 : 1).MinBy(pair => pair.Item.Objective).Index;
        return new StageOutcome(
            stage.Name,
            optimizer.Iteration,
            stopReason,
            ValueOf(evaluations[0]),
            ValueOf(evaluations[best]),
            points[best].Name,
            best == 0 ? start : space.Decode(points[best].Point));
    }

    /// <summary>Some of the front on all validation records; what another one beats there is left out.</summary>
    private async Task<IReadOnlyList<FrontPoint>> MeasureFrontAsync(IParetoOptimizer optimizer, CancellationToken cancellationToken)
    {
        var points = optimizer.Front().Take(stage.FrontSize).ToList();
        Question Ask(int o, int i)
        {
            var trial = GenerationSizes.Rechecks + (o * stage.FrontSize) + i; // behind those of the recheck
            var question = QuestionOf(EvaluationPurpose.Recheck, optimizer.Iteration, trial, points[i], source.All);
            return question with { Objective = Objectives[o] };
        }

        var questions = Objectives.SelectMany((_, o) => points.Select((_, i) => Ask(o, i))).ToList();
        var evaluations = await EvaluateAsync(questions, cancellationToken).ConfigureAwait(false);
        var measured = points.Select((point, i) => new FrontPoint(
            space.Decode(point), [.. Objectives.Select((_, o) => evaluations[(o * points.Count) + i].Loss)])).ToList();
        return [.. measured.Where(point => !measured.Any(other => ParetoRanking.Dominates(other.Losses, point.Losses)))
            .OrderBy(point => point.Losses[0])];
    }

    private static StageValue ValueOf(Evaluation evaluation) => new(evaluation.Objective, evaluation.Loss, evaluation.Penalty);

    private async Task<IReadOnlyList<Evaluation>> EvaluateAsync(List<Question> questions, CancellationToken cancellationToken)
    {
        if (questions.Count == 0) return [];
        cancellationToken.ThrowIfCancellationRequested();
        var evaluations = await evaluator.EvaluateAsync(questions, account, cancellationToken).ConfigureAwait(false);
        if (questions[0].Key.Purpose == EvaluationPurpose.Search && questions[0].Key.Stage == stage.Name)
        {
            foreach (var (question, evaluation) in questions.Zip(evaluations))
            {
                progress.Report(new CandidateEvaluated(
                    stage.Name, question.Key.Iteration, question.Key.Trial, questions.Count, evaluation.Loss, evaluator.IsReplaying));
            }
        }

        return evaluations;
    }

    private Question QuestionOf(
        EvaluationPurpose purpose, int iteration, int trial, IReadOnlyList<double> point, IReadOnlyList<int> records) => new(
            new QuestionKey(stage.Name, purpose, iteration, trial), space.Decode(point), source, records, plan.Configuration.Objective)
        {
            Point = point,
            Penalty = stage.Penalty(point),
            ReadsTokenLogProbabilities = stage.ReadsTokenLogProbabilities && purpose == EvaluationPurpose.Search,
        };

    /// <summary>The same candidates by every objective after the first, objective by objective.</summary>
    private List<Question> FurtherQuestions(List<Question> questions) =>
        [.. Objectives.Skip(1).SelectMany(objective => questions.Select(question => question with
        {
            Key = question.Key with { Stage = $"{stage.Name}/{objective.Name}" },
            Objective = objective,
            ReadsTokenLogProbabilities = false,
        }))];

    private static IReadOnlyList<double> LossesOf(IReadOnlyList<Evaluation> first, IReadOnlyList<Evaluation> further, int trial) =>
        [first[trial].Loss, .. further.Index().Where(pair => pair.Index % first.Count == trial).Select(pair => pair.Item.Loss)];

    /// <summary>Optimisers count the searchable records from 0; the journal names positions in the validation file.</summary>
    private IReadOnlyList<int> RecordsOf(Trial trial, IReadOnlyList<int> sample) =>
        trial.Records is null ? sample : [.. trial.Records.Select(index => plan.Split.Search[index])];

    /// <summary>A sum stands for equal tokens: as one token a long answer has next to no probability and no curvature.</summary>
    private static IReadOnlyList<float> TokensOf(Observation observation) => observation.TokenLogProbabilities
        ?? [.. Enumerable.Repeat((float)(observation.LogProbability / observation.Tokens), observation.Tokens)];

    private TrialEvaluation ToTrialEvaluation(Question question, Evaluation evaluation) => new(
        evaluation.Loss,
        evaluation.Penalty,
        stage.ReadsTokenLogProbabilities ? [.. evaluation.Observations.Select(TokensOf)] : null)
    {
        RecordLosses = plan.Search.Search.Needs.HasFlag(SearchNeeds.RecordLosses)
            ? [.. question.Objective.Contributions(question.Sample, evaluation.Observations).Select(contribution => contribution.Value)]
            : [],
    };
}
