namespace Cuvee.Events;

/// <summary>
/// What a run tells while it works, through an injected <see cref="IProgress{T}"/>; handlers are called in order and must be quick.
/// </summary>
public abstract record RunEvent;

/// <param name="Title">Search and space, such as <c>evo-merging (delta)</c>.</param>
public sealed record RunStarted(string Title, IReadOnlyList<string> Adapters, Planning.RunForecast Forecast) : RunEvent;

/// <summary>Answers of an earlier process are read from the journal instead of queried.</summary>
public sealed record RunResumed : RunEvent;

/// <summary>One round of looking for the best single adapter.</summary>
/// <param name="Adapters">Still in the running.</param>
/// <param name="Records">Each was measured on.</param>
/// <param name="Best">So far, with its loss.</param>
public sealed record SinglesCompared(string Objective, int Adapters, int Records, string Best, double Loss) : RunEvent;

public sealed record StageStarted(string Stage, int Dimension, string Optimizer) : RunEvent;

/// <param name="Trial">0-based.</param>
/// <param name="Replayed">Answered from the journal.</param>
public sealed record CandidateEvaluated(string Stage, int Iteration, int Trial, int Trials, double Loss, bool Replayed) : RunEvent;

/// <param name="BestLoss">Lowest loss of this iteration, without penalty.</param>
/// <param name="MeanLoss">Mean loss of this iteration's finite candidates.</param>
/// <param name="TimeLeft">Forecast from the pace so far; null when nothing bounds the run or while replaying.</param>
public sealed record IterationFinished(
    string Stage, int Iteration, double BestLoss, double MeanLoss, RunSpending Spending, TimeSpan? TimeLeft) : RunEvent;

/// <param name="Objective">Loss plus penalty on the records that no common sample holds.</param>
public sealed record HeldOutChecked(string Stage, int Iteration, double Objective, double Best, int ChecksWithoutGain) : RunEvent;

public sealed record RunWarning(string Stage, int Iteration, WarningKind Kind, string Message) : RunEvent;

/// <param name="StopReason">Why the stage ended, such as <c>budget</c> or an optimiser's <c>tolfun</c>.</param>
/// <param name="Recipe">Where the next stage starts.</param>
public sealed record StageFinished(string Stage, string StopReason, double StartLoss, double Loss, MergeRecipe Recipe) : RunEvent;

/// <param name="Out">Folder with the results.</param>
public sealed record RunFinished(string Out, double ValidationLoss, RunSpending Spending, TimeSpan WallTime) : RunEvent;

/// <summary>What a person should know about the pool before spending queries on it.</summary>
public sealed record PoolDoubt(string Message) : RunEvent;

/// <summary>A bad network cost time and nothing else.</summary>
/// <param name="Count">Requests that were sent again; none of them is a query.</param>
public sealed record RequestsRepeated(long Count) : RunEvent;

/// <param name="Count">Answers that the cache gave; they count as queries, and nobody was asked.</param>
public sealed record AnswersReused(long Count) : RunEvent;

/// <summary>The cache takes no more answers; the run does not need it.</summary>
public sealed record CacheDoubt(string Message) : RunEvent;

/// <param name="Row">Row of the comparison table that is being measured.</param>
public sealed record ComparisonRowStarted(string Row) : RunEvent;
