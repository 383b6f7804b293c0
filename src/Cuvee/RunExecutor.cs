using Cuvee.Events;
using Cuvee.Hosting;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee;

/// <summary>
/// Runs a plan: ask, realise, evaluate the whole generation on one common sample, journal, tell; then re-evaluate what was found on all
/// validation records and write
/// the merged adapter. Every question follows from the plan and the answers before it, so resuming is the same run with its first
/// answers read from the journal.
/// </summary>
/// <param name="merger">Of the same pool as <paramref name="host"/>; makes the adapter that is written.</param>
public sealed class RunExecutor(IAdapterHost host, RecipeMerger merger, TimeProvider time, IProgress<RunEvent> progress)
{
    /// <exception cref="JournalException">The folder holds a run with other settings or inputs, or a damaged journal.</exception>
    /// <exception cref="LanguageModels.LanguageModelException">The provider failed; run again with resume.</exception>
    /// <exception cref="OperationCanceledException">Everything answered so far is in the journal; run again with resume.</exception>
    public async Task<RunResult> ExecuteAsync(RunPlan plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var began = time.GetTimestamp();
        Directory.CreateDirectory(plan.Out);
        var identity = RunIdentity.Of(plan);
        identity.Claim(plan.Out);
        using var journal = Journal.Open(Path.Combine(plan.Out, Journal.FileName));
        progress.Report(new RunStarted(plan.Title, plan.AdapterNames, plan.Forecast));
        if (journal.ReplayRemaining > 0) progress.Report(new RunResumed(journal.ReplayRemaining));

        var evaluator = new CandidateEvaluator(host, journal, plan);
        var recipe = MergeRecipes.Uniform(plan.Search.Space, plan.AdapterNames);
        var outcomes = new List<StageOutcome>();
        var warnings = new List<RunWarning>();
        foreach (var stage in plan.Stages)
        {
            var run = new StageRun(stage, stage.SpaceAround(recipe), plan, evaluator, new StagePace(time, plan, stage), progress);
            var outcome = await run.ExecuteAsync(recipe, cancellationToken).ConfigureAwait(false);
            outcomes.Add(outcome);
            warnings.AddRange(run.Warnings);
            recipe = outcome.Recipe;
        }

        var result = new RunResult(
            plan.Out, recipe, outcomes[^1].Loss, outcomes[0].StartLoss, evaluator.Spending, outcomes, warnings, time.GetElapsedTime(began));
        RunWriter.Write(plan, identity, result, merger);
        progress.Report(new RunFinished(plan.Out, result.ValidationLoss, result.Spending, result.WallTime));
        return result;
    }
}
