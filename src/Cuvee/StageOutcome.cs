using Cuvee.Merging;

namespace Cuvee;

/// <param name="StopReason">Why the stage ended, such as <c>budget</c>, <c>evaluations</c>, <c>held-out</c> or an optimiser's
/// <c>tolx</c>.</param>
/// <param name="StartLoss">Of the recipe that the stage began with, on all validation records.</param>
/// <param name="Loss">Of <paramref name="Recipe"/>; never above <paramref name="StartLoss"/>, because the start is one of the
/// re-evaluated points.</param>
/// <param name="Winner">Which re-evaluated point won: <c>start</c>, <c>recommendation 1</c> (the optimiser's best guess) and so on, or
/// <c>held-out</c>.</param>
public sealed record StageOutcome(
    string Name, int Iterations, string StopReason, double StartLoss, double Loss, string Winner, MergeRecipe Recipe);
