using Cuvee.Events;
using Spectre.Console;

namespace Cuvee.Cli.Progress;

/// <summary>A small table that is redrawn, below the lines that should stay.</summary>
internal sealed class LiveMergeProgress(IAnsiConsole console, TimeProvider time, MergeText text) : IProgress<RunEvent>
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);

    private LiveDisplayContext? live;
    private long drawn; // timestamp
    private string search = "", doing = "", candidate = "";
    private IterationFinished? iteration;

    public Task<T> RunAsync<T>(Func<IProgress<RunEvent>, Task<T>> work) => console.Live(Render()).AutoClear(true).StartAsync(context =>
    {
        live = context;
        return work(this);
    });

    public void Report(RunEvent value)
    {
        switch (value)
        {
            case RunStarted run:
                (search, iteration) = (run.Title, null);
                break;
            case StageStarted stage:
                (doing, candidate, iteration) = ($"stage {stage.Stage}", "", null);
                break;
            case CandidateEvaluated evaluated:
                candidate = $"{evaluated.Iteration + 1}, candidate {evaluated.Trial + 1} of {evaluated.Trials}" +
                    (evaluated.Replayed ? " (journal)" : "");
                break;
            case IterationFinished finished:
                iteration = finished;
                break;
            case ComparisonRowStarted row:
                (search, doing, candidate, iteration) = ("comparison", row.Row, "", null);
                break;
        }

        if (value is not (IterationFinished or ComparisonRowStarted))
        {
            foreach (var line in text.Lines(value)) console.WriteLine(line);
        }

        if (value is CandidateEvaluated && time.GetElapsedTime(drawn) < Redraw) return;
        drawn = time.GetTimestamp();
        live?.UpdateTarget(Render());
    }

    private Grid Render()
    {
        var grid = new Grid().AddColumn().AddColumn();
        void Row(string head, string cell) => grid.AddRow(new Text(head, new Style(Color.Grey)), new Text(cell));
        Row("search", search);
        Row("doing", doing);
        Row("generation", candidate);
        Row("loss", iteration is null ? "" : $"best {iteration.BestLoss:0.000}, mean {iteration.MeanLoss:0.000}");
        Row("spent", iteration is null ? "" : MergeText.Spent(iteration.Spending));
        Row("time left", iteration?.TimeLeft is { } left ? MergeText.Span(left) : "");
        return grid;
    }
}
