using Cuvee.Events;
using Cuvee.Planning;

namespace Cuvee.Cli.Progress;

/// <summary>Run events as sentences.</summary>
/// <param name="plans">
/// Their notes follow the line that starts a run, so that a run refused before it starts leaves one sentence alone.
/// </param>
internal sealed class MergeText(IReadOnlyList<RunPlan> plans)
{
    public IEnumerable<string> Lines(RunEvent value)
    {
        if (Line(value) is not { } line) yield break;
        yield return line;
        if (value is not RunStarted run) yield break;
        foreach (var note in plans.First(plan => ReferenceEquals(plan.Forecast, run.Forecast)).Notes) yield return $"note: {note}";
    }

    /// <summary>Null for events too frequent for a line.</summary>
    private static string? Line(RunEvent value) => value switch
    {
        RunStarted run => $"{run.Title}: {run.Adapters.Count} adapters; {Forecast(run.Forecast)}",
        RunResumed => "resuming: earlier answers are read from the journal",
        PoolDoubt doubt => $"pool: {doubt.Message}",
        SinglesCompared singles =>
            $"best single adapter by {singles.Objective}: {singles.Adapters} adapters on {singles.Records} records, " +
            $"{singles.Best} leads ({singles.Loss:0.000})",
        StageStarted stage => $"stage {stage.Stage}: {stage.Dimension} coordinates, {stage.Optimizer}",
        IterationFinished iteration =>
            $"{iteration.Stage} {iteration.Iteration}: loss best {iteration.BestLoss:0.000}, mean {iteration.MeanLoss:0.000}; " +
            $"{Spent(iteration.Spending)}{(iteration.TimeLeft is { } left ? $"; {Span(left)} left" : "")}",
        HeldOutChecked check =>
            $"{check.Stage} {check.Iteration}: held-out objective {check.Objective:0.000}, best {check.Best:0.000}" +
            (check.ChecksWithoutGain > 0 ? $" ({check.ChecksWithoutGain} checks without gain)" : ""),
        RunWarning warning => $"warning: {warning.Stage} {warning.Iteration}: {warning.Message}",
        StageFinished stage =>
            $"stage {stage.Stage} ended ({stage.StopReason}): loss {stage.StartLoss:0.000} -> {stage.Loss:0.000} on all validation records",
        RunFinished run =>
            $"validation loss {run.ValidationLoss:0.000} after {Span(run.WallTime)}, {Spent(run.Spending)}; written to {run.Out}",
        RequestsRepeated repeated => $"{repeated.Count:#,0} requests were sent again after failures; none counts as a query",
        AnswersReused reused => $"{reused.Count:#,0} answers came from the cache; nobody was asked for them",
        CacheDoubt doubt => $"cache: {doubt.Message}",
        ComparisonRowStarted row => $"measuring {row.Row}",
        _ => null,
    };

    public static string Spent(RunSpending spending) =>
        $"{spending.Queries:#,0} queries, {spending.Tokens:#,0} tokens{(spending.Cost is { } cost ? $", cost {Money(cost)}" : "")}";

    public static string Span(TimeSpan span) => span.TotalHours >= 1 ? span.ToString(@"h\:mm\:ss") : span.ToString(@"m\:ss");

    public static string Forecast(RunForecast forecast)
    {
        var cost = forecast switch
        {
            { Queries: { } queries, Tokens: { } tokens } => $"at most {queries:#,0} queries, about {tokens:#,0} tokens",
            { Queries: { } queries } => $"at most {queries:#,0} queries",
            _ => "cost unbounded",
        };
        var control = forecast.ControlQueries > 0 ? $" and {forecast.ControlQueries:#,0} beside them for the evidence" : "";
        var money = forecast.Cost is { } price ? $", cost about {Money(price)} in all" : "";
        return $"{cost}{control}{money}, {forecast.MemoryBytes / 1e6:#,0} MB";
    }

    /// <summary>In the currency of the prices, to a ten-thousandth.</summary>
    private static string Money(double cost) => cost.ToString("#,0.00##", System.Globalization.CultureInfo.InvariantCulture);
}
