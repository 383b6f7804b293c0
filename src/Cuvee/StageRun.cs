using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Objectives;
using Cuvee.Optimization;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee;

/// <summary>One stage of one run, start to re-evaluated result.</summary>
internal sealed class StageRun(
    Stage stage, ISearchSpace space, RunPlan plan, CandidateEvaluator evaluator, StagePace pace, IProgress<RunEvent> progress)
{
    private readonly List<RunWarning> warnings = [];
    private readonly EarlyStopping earlyStopping = new(stage.Patience);
    private readonly RunMonitor monitor = new(stage.Name, space);
    private readonly IReadOnlyList<int> allRecords = [.. Enumerable.Range(0, plan.Validation.Count)];

    public IReadOnlyList<RunWarning> Warnings => warnings;

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
            if ((stopReason = Refusal(trials, sample, candidates)) is not null) break;

            var evaluations = new List<TrialEvaluation>();
            for (var i = 0; i < trials.Count; i++)
                evaluations.Add(await AnswerAsync(optimizer.Iteration, trials, i, sample).ConfigureAwait(false));
            optimizer.Tell(evaluations);
            candidates += trials.Count;
            Report(optimizer, trials, evaluations, candidates);
            if (optimizer.Iteration % stage.CheckEvery == 0) await CheckHeldOutAsync(optimizer, cancellationToken).ConfigureAwait(false);
        }

        var (loss, startLoss, winner, point) = await RecheckAsync(optimizer, cancellationToken).ConfigureAwait(false);
        var recipe = winner == "start" ? start : space.Decode(point);
        progress.Report(new StageFinished(stage.Name, stopReason, startLoss, loss, recipe));
        return new StageOutcome(stage.Name, optimizer.Iteration, stopReason, startLoss, loss, winner, recipe);

        async Task<TrialEvaluation> AnswerAsync(int iteration, IReadOnlyList<Trial> trials, int index, IReadOnlyList<int> sample)
        {
            var trial = trials[index];
            var (evaluation, replayed) = await EvaluateAsync(
                EvaluationPurpose.Search, iteration, index, trial.Point, RecordsOf(trial, sample), cancellationToken).ConfigureAwait(false);
            progress.Report(new CandidateEvaluated(stage.Name, iteration, index, trials.Count, evaluation.Loss, replayed));
            return new TrialEvaluation(evaluation.Loss, evaluation.Penalty, stage.NeedsTokenLogProbabilities ? TokensOf(evaluation) : null);
        }
    }

    private string? StopReason(IOptimizer optimizer) =>
        optimizer.StopReasons.Count > 0 ? string.Join(", ", optimizer.StopReasons.Keys.Order(StringComparer.Ordinal))
        : earlyStopping.HasStopped ? "held-out"
        : null;

    /// <summary>
    /// Why these questions may not be asked, null when they may: a generation is answered whole, and the re-evaluation stays
    /// affordable.
    /// </summary>
    private string? Refusal(IReadOnlyList<Trial> trials, IReadOnlyList<int> sample, int candidates)
    {
        if (candidates + trials.Count > stage.MaxEvaluations) return "evaluations";
        var queries = trials.Sum(trial => evaluator.CostOf(space.Decode(trial.Point), RecordsOf(trial, sample)));
        return AffordsBesideRecheck(trials.Count, queries) ? null : "budget";
    }

    private bool AffordsBesideRecheck(int evaluations, long queries) => evaluator.Affords(
        evaluations + SearchSizes.Rechecks, queries + ((long)SearchSizes.Rechecks * plan.Validation.Count), stage.BudgetShare);

    private void Report(IOptimizer optimizer, IReadOnlyList<Trial> trials, List<TrialEvaluation> evaluations, int candidates)
    {
        var losses = evaluations.Select(evaluation => evaluation.Loss).Where(double.IsFinite).DefaultIfEmpty(double.NaN).ToList();
        progress.Report(new IterationFinished(
            stage.Name,
            optimizer.Iteration,
            losses.Min(),
            losses.Average(),
            evaluator.Spending,
            pace.TimeLeft(candidates, evaluator.Spending)));
        foreach (var warning in monitor.Observe(optimizer.Iteration, trials, evaluations, optimizer.Recommend()[0]))
        {
            warnings.Add(warning);
            progress.Report(warning);
        }
    }

    private async Task CheckHeldOutAsync(IOptimizer optimizer, CancellationToken cancellationToken)
    {
        var heldOut = plan.Split.HeldOut;
        var guesses = optimizer.Recommend();
        if (heldOut.Count == 0 || !AffordsBesideRecheck(guesses.Count, (long)guesses.Count * heldOut.Count)) return;
        var checks = new List<(IReadOnlyList<double> Point, double Loss)>();
        foreach (var guess in guesses)
        {
            var (evaluation, _) = await EvaluateAsync(
                EvaluationPurpose.HeldOut, optimizer.Iteration, checks.Count, guess, heldOut, cancellationToken).ConfigureAwait(false);
            checks.Add((guess, evaluation.Loss));
        }

        earlyStopping.Observe(checks);
        progress.Report(new HeldOutChecked(
            stage.Name, optimizer.Iteration, checks.Min(check => check.Loss), earlyStopping.BestLoss, earlyStopping.ChecksWithoutGain));
    }

    /// <summary>
    /// The start, the optimiser's recommendations and the best held-out point, all measured again on all validation records: the lowest
    /// loss wins.
    /// </summary>
    private async Task<(double Loss, double StartLoss, string Winner, IReadOnlyList<double> Point)> RecheckAsync(
        IOptimizer optimizer, CancellationToken cancellationToken)
    {
        var points = new List<(string Name, IReadOnlyList<double> Point)> { ("start", space.Start) };
        var guesses = optimizer.Recommend().Take(SearchSizes.Rechecks - 2);
        points.AddRange(guesses.Select((guess, i) => ($"recommendation {i + 1}", (IReadOnlyList<double>)guess)));
        if (earlyStopping.BestPoint is { } heldOutBest) points.Add(("held-out", heldOutBest));

        var losses = new List<double>();
        foreach (var (_, point) in points)
        {
            var (evaluation, _) = await EvaluateAsync(
                EvaluationPurpose.Recheck, optimizer.Iteration, losses.Count, point, allRecords, cancellationToken).ConfigureAwait(false);
            losses.Add(double.IsNaN(evaluation.Loss) ? double.PositiveInfinity : evaluation.Loss);
        }

        var best = losses.IndexOf(losses.Min());
        return (losses[best], losses[0], points[best].Name, points[best].Point);
    }

    private Task<(Evaluation Evaluation, bool Replayed)> EvaluateAsync(
        EvaluationPurpose purpose,
        int iteration,
        int trial,
        IReadOnlyList<double> point,
        IReadOnlyList<int> records,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var question = new JournalLine
        {
            Stage = stage.Name,
            Purpose = purpose,
            Iteration = iteration,
            Trial = trial,
            Point = point,
            Records = records,
        };
        return evaluator.EvaluateAsync(stage, space, question, cancellationToken);
    }

    /// <summary>Optimisers count the searchable records from 0; the journal names positions in the validation file.</summary>
    private IReadOnlyList<int> RecordsOf(Trial trial, IReadOnlyList<int> sample) =>
        trial.Records is null ? sample : [.. trial.Records.Select(index => plan.Split.Search[index])];

    private static IReadOnlyList<IReadOnlyList<float>> TokensOf(Evaluation evaluation) =>
        [.. evaluation.PerExample.Select(score => score.TokenLogProbabilities ?? [(float)score.LogProbability])];
}
