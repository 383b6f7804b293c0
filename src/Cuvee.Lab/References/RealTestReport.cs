using System.Text;
using Cuvee.Reporting;

namespace Cuvee.Lab.References;

/// <summary>Tables of several seeds as one: means with the range over those that have a row, then each one's paired differences.</summary>
internal static class RealTestReport
{
    public static string Markdown(
        RealTestTarget target, IReadOnlyList<ulong> seeds, IReadOnlyList<ComparisonTable> tables, string stageEffects)
    {
        var text = new StringBuilder(
            $"### {target.Name}, {tables[0].ValidationRecords} validation and {tables[0].TestIds.Count} test records, " +
            $"seeds {string.Join(", ", seeds)}\n\n");
        text.Append(
            "| model | queries | val. loss | test loss | precision | recall | F1 | 95% intervals |\n" +
            "|---|---:|---:|---:|---:|---:|---:|---|\n");
        var differences = new StringBuilder();
        foreach (var row in PooledTable.Of([.. tables.Select(table => ("", table))]).Rows)
        {
            PooledRow[] rows = [.. tables.SelectMany(table => table.Pooled.Rows).Where(own => own.Key == row.Key)];
            text.Append(
                $"| {row.Name} | {row.Queries:#,0} | {Mean(rows, r => r.ValidationLoss)} | {Mean(rows, r => r.TestLoss.Value)} | ");
            text.Append(
                $"{Mean(rows, r => 100 * r.Precision, "0.0")} | {Mean(rows, r => 100 * r.Recall, "0.0")} | " +
                $"{Mean(rows, r => 100 * r.Score.Value, "0.0")} | ");
            text.AppendJoin(", ", rows.Select(r => $"{100 * r.Score.Lower:0.0}-{100 * r.Score.Upper:0.0}").Distinct()).Append(" |\n");
            if (row.Kind == RowKind.Control) differences.Append(Differences(row, tables));
        }

        text.Append("\nF1 points and test loss of ")
            .Append(tables[0].Pooled.MainRow!.Name)
            .Append(" minus the control, paired over test records, [95%], one a seed:\n\n")
            .Append(differences);
        return text.Append("\nEach stage against what it began with, paired over test records, [95%]:\n\n")
            .Append(stageEffects)
            .Append('\n').ToString();
    }

    /// <summary>The main search minus a control, for each seed that has it.</summary>
    private static string Differences(PooledRow control, IReadOnlyList<ComparisonTable> tables)
    {
        var names = tables.SelectMany(table => table.Pooled.Rows.Where(row => row.Key == control.Key).Select(row => (table, row.Name)));
        var seeds = names
            .Select(own => own.table.Differences.First(d => d.First == own.table.Pooled.MainRow!.Name && d.Second == own.Name))
            .Select(d =>
                $"{100 * d.Score.Value:+0.0;-0.0} [{100 * d.Score.Lower:0.0}, {100 * d.Score.Upper:0.0}], " +
                $"{d.TestLoss.Value:+0.000;-0.000} [{d.TestLoss.Lower:0.000}, {d.TestLoss.Upper:0.000}]");
        return $"- {control.Name}: {string.Join("; ", seeds)}\n";
    }

    private static string Mean(PooledRow[] rows, Func<PooledRow, double> value, string format = "0.000")
    {
        var values = rows.Select(value).ToArray();
        var mean = values.Average().ToString(format);
        var (low, high) = (values.Min().ToString(format), values.Max().ToString(format));
        return low == high ? mean : $"{mean} ({low}-{high})";
    }
}
