using System.Globalization;
using System.Text;

namespace Cuvee.Reporting;

/// <summary>A table for people: scores in percent, losses in nats per answer token; and as CSV, for spreadsheets.</summary>
public static class ComparisonTableText
{
    private static readonly string[] CsvHeads =
    [
        "kind", "model", "minus", "runs", "queries", "validation_loss", "validation_score",
        "test_loss", "test_loss_lower", "test_loss_upper", "precision", "recall", "score", "score_lower", "score_upper",
    ];

    /// <summary>
    /// Column heads, and cells [rows][columns], as every renderer shows them; the first column is text, the others numbers.
    /// </summary>
    public static (IReadOnlyList<string> Heads, IReadOnlyList<IReadOnlyList<string>> Cells) Cells(PooledTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var score = table.Metric == "ie-f1" ? "F1" : table.Metric;
        var withValidation = table.Rows.Any(row => row.ValidationScore is not null);
        string[] heads =
        [
            "model", "queries", .. table.HasLosses ? ["val. loss"] : Array.Empty<string>(),
            .. withValidation ? [$"val. {score}"] : Array.Empty<string>(), .. table.HasLosses ? ["test loss"] : Array.Empty<string>(),
            .. table.HasPrecisionAndRecall ? ["precision", "recall"] : Array.Empty<string>(), score, "95% interval",
        ];
        return (heads, [.. table.Rows.Select(row => (IReadOnlyList<string>)RowCells(table, row, withValidation))]);
    }

    /// <summary>One line a paired difference of the main search.</summary>
    public static IReadOnlyList<string> Differences(PooledTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return [.. table.Differences.Where(difference => difference.First == table.MainRow?.Name).Select(difference =>
            $"{difference.First} minus {difference.Second}{OfRuns(table, difference.Runs)}: " +
            $"{Percent(difference.Score.Value, "+0.0;-0.0;0.0")} points of {table.Metric} " +
            $"[{Percent(difference.Score.Lower)}, {Percent(difference.Score.Upper)}]" +
            (table.HasLosses
                ? $", test loss {difference.TestLoss.Value:+0.000;-0.000;0.000} " +
                    $"[{difference.TestLoss.Lower:0.000}, {difference.TestLoss.Upper:0.000}]"
                : ""))];
    }

    /// <summary>Columns padded with spaces, one row a line.</summary>
    public static string Plain(PooledTable table)
    {
        var (heads, cells) = Cells(table);
        var widths = heads.Select((head, column) => cells.Select(row => row[column].Length).Append(head.Length).Max()).ToArray();
        var text = new StringBuilder();
        foreach (var row in cells.Prepend(heads))
        {
            var padded = row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", padded).TrimEnd()).Append('\n');
        }

        foreach (var line in Remarks(table)) text.Append(line).Append('\n');
        return text.ToString();
    }

    public static string Markdown(PooledTable table)
    {
        var (heads, cells) = Cells(table);
        var text = new StringBuilder();
        text.Append("| ").AppendJoin(" | ", heads).Append(" |\n");
        text.Append("|---|").AppendJoin("", Enumerable.Repeat("---:|", heads.Count - 1)).Append('\n');
        foreach (var row in cells)
            text.Append("| ").AppendJoin(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
        text.Append('\n');
        foreach (var line in Remarks(table)) text.Append("- ").Append(line).Append('\n');
        return text.ToString();
    }

    /// <summary>
    /// One header; a line for each row, then one for each paired difference, of kind "difference" and "model" minus "minus". Numbers
    /// round-trip.
    /// </summary>
    public static string Csv(PooledTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var text = new StringBuilder();
        AppendCsv(text, CsvHeads);
        foreach (var row in table.Rows)
        {
            AppendCsv(
                text,
                [
                    row.Kind == RowKind.Control ? "control" : "search", row.Name, "", $"{row.Runs}", Exact(row.Queries),
                    Exact(row.ValidationLoss), row.ValidationScore is { } score ? Exact(score) : "",
                    Exact(row.TestLoss.Value), Exact(row.TestLoss.Lower), Exact(row.TestLoss.Upper),
                    table.HasPrecisionAndRecall ? Exact(row.Precision) : "", table.HasPrecisionAndRecall ? Exact(row.Recall) : "",
                    Exact(row.Score.Value), Exact(row.Score.Lower), Exact(row.Score.Upper),
                ]);
        }

        foreach (var difference in table.Differences)
        {
            var (loss, score) = (difference.TestLoss, difference.Score);
            AppendCsv(
                text,
                [
                    "difference", difference.First, difference.Second, $"{difference.Runs}", "", "", "",
                    Exact(loss.Value), Exact(loss.Lower), Exact(loss.Upper), "", "",
                    Exact(score.Value), Exact(score.Lower), Exact(score.Upper),
                ]);
        }

        return text.ToString();
    }

    private static IEnumerable<string> Remarks(PooledTable table) => table.Runs.Count == 1
        ? Differences(table)
        : Differences(table).Prepend(
            $"means over {table.Runs.Count} runs (seeds {string.Join(", ", table.Runs.Select(run => run.Table.Seed))}); " +
            "95% intervals over runs and test records");

    private static string[] RowCells(PooledTable table, PooledRow row, bool withValidation)
    {
        string[] head = [row.Name + OfRuns(table, row.Runs), row.Queries.ToString("#,0")];
        string[] Loss(double loss) => table.HasLosses ? [loss.ToString("0.000")] : [];
        string[] validation = withValidation ? [row.ValidationScore is { } score ? Percent(score) : "-"] : [];
        string[] parts = table.HasPrecisionAndRecall ? [Percent(row.Precision), Percent(row.Recall)] : [];
        return
        [
            .. head, .. Loss(row.ValidationLoss), .. validation, .. Loss(row.TestLoss.Value), .. parts,
            Percent(row.Score.Value), $"{Percent(row.Score.Lower)}-{Percent(row.Score.Upper)}",
        ];
    }

    private static string OfRuns(PooledTable table, int runs) => runs == table.Runs.Count ? "" : $" [{runs} of {table.Runs.Count} runs]";

    private static string Percent(double fraction, string format = "0.0") => (100 * fraction).ToString(format);

    private static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void AppendCsv(StringBuilder text, string[] cells) =>
        text.AppendJoin(',', cells.Select(cell =>
            cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell)).Append('\n');
}
