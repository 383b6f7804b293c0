using System.Text;

namespace Cuvee.Reporting;

/// <summary>A <see cref="ComparisonTable"/> for people: scores in percent, losses in nats per answer token.</summary>
public static class ComparisonTableText
{
    /// <summary>
    /// Column heads, and cells [rows][columns], as every renderer shows them; the first column is text, the others numbers.
    /// </summary>
    public static (IReadOnlyList<string> Heads, IReadOnlyList<IReadOnlyList<string>> Cells) Cells(ComparisonTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var score = table.Metric == "ie-f1" ? "F1" : table.Metric;
        string[] heads = table.HasPrecisionAndRecall
            ? ["model", "queries", "val. loss", "test loss", "precision", "recall", score, "95% interval"]
            : ["model", "queries", "val. loss", "test loss", score, "95% interval"];
        return (heads, [.. table.Rows.Select(row => (IReadOnlyList<string>)RowCells(table, row))]);
    }

    /// <summary>One line a paired difference.</summary>
    public static IReadOnlyList<string> Differences(ComparisonTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return [.. table.Differences.Select(difference =>
            $"{difference.Search} minus {difference.Control}: " +
            $"{Percent(difference.Score.Value, "+0.0;-0.0;0.0")} points of {table.Metric} " +
            $"[{Percent(difference.Score.Lower)}, {Percent(difference.Score.Upper)}], " +
            $"test loss {difference.TestLoss.Value:+0.000;-0.000;0.000} " +
            $"[{difference.TestLoss.Lower:0.000}, {difference.TestLoss.Upper:0.000}]")];
    }

    /// <summary>Columns padded with spaces, one row a line.</summary>
    public static string Plain(ComparisonTable table)
    {
        var (heads, cells) = Cells(table);
        var widths = heads.Select((head, column) => cells.Select(row => row[column].Length).Append(head.Length).Max()).ToArray();
        var text = new StringBuilder();
        foreach (var row in cells.Prepend(heads))
        {
            var padded = row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", padded).TrimEnd()).Append('\n');
        }

        foreach (var difference in Differences(table)) text.Append(difference).Append('\n');
        return text.ToString();
    }

    public static string Markdown(ComparisonTable table)
    {
        var (heads, cells) = Cells(table);
        var text = new StringBuilder();
        text.Append("| ").AppendJoin(" | ", heads).Append(" |\n");
        text.Append("|---|").AppendJoin("", Enumerable.Repeat("---:|", heads.Count - 1)).Append('\n');
        foreach (var row in cells) text.Append("| ").AppendJoin(" | ", row).Append(" |\n");
        text.Append('\n');
        foreach (var difference in Differences(table)) text.Append("- ").Append(difference).Append('\n');
        return text.ToString();
    }

    private static string[] RowCells(ComparisonTable table, ComparisonRow row)
    {
        string[] losses = [row.Name, row.Queries.ToString("#,0"), row.ValidationLoss.ToString("0.000"), row.TestLoss.ToString("0.000")];
        string[] parts = table.HasPrecisionAndRecall ? [Percent(row.Score.Precision), Percent(row.Score.Recall)] : [];
        return [.. losses, .. parts, Percent(row.Score.Value), $"{Percent(row.Interval.Lower)}-{Percent(row.Interval.Upper)}"];
    }

    private static string Percent(double fraction, string format = "0.0") => (100 * fraction).ToString(format);
}
