using System.Text;
using Cuvee.Reporting;

namespace Cuvee.Lab.References;

/// <summary>Tables of several seeds as one: means with the range over seeds, then each seed's paired differences.</summary>
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
        for (var row = 0; row < tables[0].Rows.Count; row++)
        {
            var rows = tables.Select(t => t.Pooled.Rows[row]).ToArray();
            text.Append(
                $"| {CommonName(rows.Select(r => r.Name))} | {rows.Average(r => r.Queries):#,0} | " +
                $"{Mean(rows, r => r.ValidationLoss)} | {Mean(rows, r => r.TestLoss.Value)} | ");
            text.Append(
                $"{Mean(rows, r => 100 * r.Precision, "0.0")} | {Mean(rows, r => 100 * r.Recall, "0.0")} | " +
                $"{Mean(rows, r => 100 * r.Score.Value, "0.0")} | ");
            text.AppendJoin(", ", rows.Select(r => $"{100 * r.Score.Lower:0.0}-{100 * r.Score.Upper:0.0}").Distinct()).Append(" |\n");
        }

        text.Append("\nF1 points and test loss of ")
            .Append(tables[0].Differences[0].First)
            .Append(" minus the control, paired over test records, [95%], one a seed:\n\n");
        var controls = tables[0].Rows.Count(row => row.Kind == RowKind.Control); // the main search's differences to them come first
        for (var i = 0; i < controls; i++)
        {
            text.Append($"- {CommonName(tables.Select(t => t.Differences[i].Second))}: ");
            text.AppendJoin("; ", tables.Select(t => t.Differences[i]).Select(d =>
                $"{100 * d.Score.Value:+0.0;-0.0} [{100 * d.Score.Lower:0.0}, {100 * d.Score.Upper:0.0}], " +
                $"{d.TestLoss.Value:+0.000;-0.000} [{d.TestLoss.Lower:0.000}, {d.TestLoss.Upper:0.000}]"));
            text.Append('\n');
        }

        return text.Append("\nEach stage against what it began with, paired over test records, [95%]:\n\n")
            .Append(stageEffects)
            .Append('\n').ToString();
    }

    /// <summary>Without what a seed chose, which stands in brackets at the end.</summary>
    private static string CommonName(IEnumerable<string> names) =>
        names.Distinct().ToList() is [var one] ? one : names.First().Split(" (")[0];

    private static string Mean(PooledRow[] rows, Func<PooledRow, double> value, string format = "0.000")
    {
        var values = rows.Select(value).ToArray();
        var mean = values.Average().ToString(format);
        var (low, high) = (values.Min().ToString(format), values.Max().ToString(format));
        return low == high ? mean : $"{mean} ({low}-{high})";
    }
}
