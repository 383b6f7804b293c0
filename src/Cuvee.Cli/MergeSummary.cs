using System.Text.Json.Nodes;
using Cuvee.Planning;
using Cuvee.Reporting;
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
        if (Report.Table is { } table) main["comparison"] = ComparisonTableJson.Of(table);
        return main.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    public void Show(IAnsiConsole console)
    {
        if (Report.Table is { } table)
        {
            if (PeopleConsole.IsLive(console)) ShowTable(console, table);
            else console.Profile.Out.Writer.Write(ComparisonTableText.Plain(table));
        }

        var result = Report.Results[0];
        console.Profile.Out.Writer.WriteLine(
            $"validation loss {result.StartLoss:0.000} -> {result.ValidationLoss:0.000} nats per token, " +
            $"{result.Spending.Queries:#,0} queries, {result.Spending.Tokens:#,0} tokens");
        console.Profile.Out.Writer.WriteLine($"merged adapter: {result.Out}");
    }

    private static void ShowTable(IAnsiConsole console, ComparisonTable table)
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
            ["evaluations"] = result.Spending.Evaluations,
            ["queries"] = result.Spending.Queries,
            ["tokens"] = result.Spending.Tokens,
            ["wall_time_seconds"] = Math.Round(result.WallTime.TotalSeconds, 3),
            ["warnings"] = new JsonArray([.. result.Warnings.Select(warning => (JsonNode)$"{warning.Stage}: {warning.Message}")]),
        };
    }
}
