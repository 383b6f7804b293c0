using Cuvee.Events;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>Forecasts the time left from queries done since this process began asking; for people only, never part of a result.</summary>
internal sealed class StagePace(TimeProvider time, RunPlan plan, Stage stage)
{
    private readonly long began = time.GetTimestamp();

    /// <returns>Null when nothing bounds the run.</returns>
    public TimeSpan? TimeLeft(int candidates, RunSpending spending)
    {
        var budget = plan.Search.Budget;
        var done = new[]
        {
            candidates / (double?)stage.MaxEvaluations * stage.BudgetShare,
            spending.Evaluations / (double?)budget.Evaluations,
            spending.Queries / (double?)budget.Queries,
            spending.Tokens / (double?)budget.Tokens,
            spending.Cost / budget.Cost,
            budget == Configuration.RunBudget.None ? spending.Queries / (double?)plan.Forecast.Queries : null,
        }.Max();
        return done is > 0 and <= 1 ? time.GetElapsedTime(began) * ((1 - done.Value) / done.Value) : null;
    }
}
