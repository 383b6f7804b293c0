using System.Text.Json.Nodes;
using Cuvee.Cli.Progress;
using Cuvee.Planning;
using Cuvee.Reporting;
using Cuvee.Runs;
using Spectre.Console;

namespace Cuvee.Cli;

/// <summary>How a merge ended: cost, loss, the comparison table, and where the adapter lies.</summary>
/// <param name="Plans">One a result of <paramref name="Report"/>, in its order.</param>
internal sealed record MergeSummary(IReadOnlyList<RunPlan> Plans, MergeReport Report)
{
    public string ToJson()
    {
        var main = Search(0);
        if (Report.Results.Count > 1)
            main["compared_with"] = new JsonArray([.. Enumerable.Range(1, Report.Results.Count - 1).Select(i => (JsonNode)Search(i))]);
        if (Report.Results[0] is { Front.Count: > 0 } result) main["front"] = Path.Combine(result.Out, RunWriter.FrontFileName);
        if (Report.Table is { } table) main["comparison"] = ComparisonTableJson.Of(table);
        return main.ToJsonString(JsonOutput.Options);
    }

    public void Show(IAnsiConsole console)
    {
        if (Report.Table is { } table)
        {
            if (PeopleConsole.IsLive(console)) ShowTable(console, table.Pooled);
            else console.Profile.Out.Writer.Write(ComparisonTableText.Plain(table.Pooled));
        }

        var result = Report.Results[0];
        console.Profile.Out.Writer.WriteLine(
            $"validation loss ({Plans[0].Configuration.Objective.LossName}) {result.StartLoss:0.000} -> {result.ValidationLoss:0.000}, " +
            $"{MergeText.Spent(result.Spending)}");
        console.Profile.Out.Writer.WriteLine(result.Verdict.Sentence);
        if (result.Verdict.Metric is { } metric)
        {
            console.Profile.Out.Writer.WriteLine(
                $"validation {metric.Name}: the search's best {100 * metric.Search:0.0}, where it began {100 * metric.Start:0.0}, " +
                $"best single adapter {100 * metric.Single:0.0}");
        }

        if (result.Front.Count > 0) console.Profile.Out.Writer.WriteLine(FrontSentence(Plans[0], result));
        foreach (var warning in result.Warnings) console.Profile.Out.Writer.WriteLine($"warning: {warning.Message}");
        console.Profile.Out.Writer.WriteLine(result.Written switch
        {
            null => $"recipe: {Path.Combine(result.Out, "recipe.json")} (the provider gives no weights to write)",
            { Rank: { } rank } written =>
                $"merged adapter: {result.Out} (rank {rank}, {written.Type}, loss " +
                $"{(written.ValidationLoss is { } loss ? $"as written {loss:0.000}" : "of the files not measured")}, " +
                $"exact {written.ExactLoss:0.000})",
            { ValidationLoss: { } loss } written => $"merged checkpoint: {Path.Combine(result.Out, "checkpoint")} " +
                $"({written.Type}, loss as written {loss:0.000}, exact {written.ExactLoss:0.000})",
            _ => $"merged checkpoint: {Path.Combine(result.Out, "checkpoint")}",
        });
    }

    private static string FrontSentence(RunPlan plan, RunResult result)
    {
        var ranges = plan.Configuration.Objectives.Select((_, o) => result.Front.Select(point => point.Losses[o]).Order().ToList())
            .Zip(plan.Configuration.Objectives, (losses, objective) => $"{objective.LossName} {losses[0]:0.000} to {losses[^1]:0.000}");
        return $"front: {result.Front.Count} recipes, {string.Join(", ", ranges)} on the validation records: " +
            Path.Combine(result.Out, RunWriter.FrontFileName);
    }

    private static void ShowTable(IAnsiConsole console, PooledTable table)
    {
        var (heads, cells) = ComparisonTableText.Cells(table);
        var view = new Table().Border(TableBorder.Rounded);
        for (var i = 0; i < heads.Count; i++)
        {
            var column = new TableColumn(new Text(heads[i]));
            view.AddColumn(i == 0 ? column : column.RightAligned().NoWrap());
        }

        for (var i = 0; i < cells.Count; i++)
        {
            var style = new Style(decoration: table.Rows[i].Kind == RowKind.Search ? Decoration.Bold : Decoration.None);
            view.AddRow([.. cells[i].Select(cell => new Text(cell, style))]);
        }

        console.Write(view);
        foreach (var difference in ComparisonTableText.Differences(table)) console.WriteLine(difference);
    }

    private JsonObject Search(int index)
    {
        var result = Report.Results[index];
        return new JsonObject
        {
            ["search"] = Plans[index].Title,
            ["out"] = result.Out,
            ["recipe"] = Path.Combine(result.Out, "recipe.json"),
            ["start_loss"] = result.StartLoss,
            ["validation_loss"] = result.ValidationLoss,
            ["winner"] = result.IsSingle ? "best-single" : "search",
            ["best_single"] = result.Verdict.Single.Name,
            ["best_single_loss"] = result.Verdict.Single.Loss,
            ["verdict"] = result.Verdict.Sentence,
            ["validation_metric"] = result.Verdict.Metric is { } metric
                ? new JsonObject
                {
                    ["name"] = metric.Name,
                    ["search"] = metric.Search,
                    ["start"] = metric.Start,
                    ["single"] = metric.Single,
                }
                : null,
            ["rank"] = result.Written?.Rank,
            ["evaluations"] = result.Spending.Evaluations,
            ["queries"] = result.Spending.Queries,
            ["control_queries"] = result.ControlSpending.Queries,
            ["tokens"] = result.Spending.Tokens,
            ["cost"] = result.Spending.Cost,
            ["control_cost"] = result.ControlSpending.Cost,
            ["wall_time_seconds"] = Math.Round(result.WallTime.TotalSeconds, 3),
            ["warnings"] = new JsonArray([.. result.Warnings.Select(warning => (JsonNode)$"{warning.Stage}: {warning.Message}")]),
        };
    }
}
