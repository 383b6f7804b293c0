using Cuvee.Events;
using Cuvee.Merging;

namespace Cuvee;

/// <param name="ValidationLoss">Of <paramref name="Recipe"/> on all validation records, without penalty, nats per token.</param>
/// <param name="StartLoss">The same of the uniform average, where the search began.</param>
public sealed record RunResult(
    string Out,
    MergeRecipe Recipe,
    double ValidationLoss,
    double StartLoss,
    RunSpending Spending,
    IReadOnlyList<StageOutcome> Stages,
    IReadOnlyList<RunWarning> Warnings,
    TimeSpan WallTime);
