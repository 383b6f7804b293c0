using Cuvee.Merging.Inspection;

namespace Cuvee.Cli;

/// <summary>
/// A pool's report for people: a summary, then one line an adapter under the name of its group. The table fits 80 columns where names have
/// at most 24 characters.
/// </summary>
internal static class PoolReportText
{
    private const int LongestNeighbour = 32; // characters

    public static IEnumerable<string> Lines(PoolReport report, double groupCosine)
    {
        foreach (var line in Summary(report, groupCosine)) yield return line;
        yield return "";
        foreach (var line in Table(report)) yield return line;
        yield return "";
        yield return "cosine: with the nearest other adapter; conflict: mean share of opposite signs, 0.5 for unrelated updates.";
        foreach (var problem in report.Problems) yield return "problem: " + problem;
    }

    private static IEnumerable<string> Summary(PoolReport report, double groupCosine)
    {
        var (summary, adapters) = (report.Summary, report.Adapters);
        var ranks = summary.Ranks.Count == 1
            ? $"all of rank {Ranks(summary.Ranks[0].Ranks)}"
            : "ranks " + string.Join(", ", summary.Ranks.Select(count => $"{Ranks(count.Ranks)} ({count.Adapters})"));
        yield return $"{Count(summary.Adapters, "adapter")}, {summary.Parameters:#,0} parameters; {ranks}";
        yield return $"modules: {summary.AdaptersWithCommonModules} of {summary.Adapters} adapters have the same {summary.CommonModules}";
        yield return $"norms: {summary.Norms.Min:0.###} to {summary.Norms.Max:0.###}, median {summary.Norms.Median:0.###}";
        var alone = summary.Adapters - report.Groups.Sum(group => group.Members.Count);
        yield return $"groups: {report.Groups.Count}, joined down to a mean cosine of {groupCosine:0.##}; " +
            $"{alone} of {summary.Adapters} alone";
        if (report.NearDuplicates.Count > 0)
            yield return $"near-duplicates: {Count(report.NearDuplicates.Count, "pair")} with a cosine above 0.98";
        if (report.Outliers.Count > 0)
        {
            yield return "outliers by norm: " + string.Join(", ", report.Outliers.Select(outlier =>
                $"{adapters[outlier.Adapter].Name} ({outlier.Ratio:0.##} times the median)"));
        }
    }

    private static IEnumerable<string> Table(PoolReport report)
    {
        var adapters = report.Adapters;
        var columns = new List<(string Head, Func<int, string> Cell)>();
        // What is the same in all adapters stands in the summary.
        if (report.Summary.Ranks.Count > 1) columns.Add(("rank", i => Ranks(adapters[i].Ranks)));
        if (adapters.Select(adapter => string.Join(' ', adapter.Scalings)).Distinct().Count() > 1)
            columns.Add(("scaling", i => string.Join('/', adapters[i].Scalings)));
        if (report.Summary.AdaptersWithCommonModules < adapters.Count) columns.Add(("modules", i => $"{adapters[i].Modules}"));
        columns.Add(("norm", i => $"{adapters[i].DeltaNorm:0.###}"));
        if (adapters.Count > 1)
        {
            columns.Add(("conflict", i => $"{Others(adapters.Count, i).Average(j => report.SignConflict[i][j]):0.00}"));
            columns.Add(("cosine", i => $"{report.CosineSimilarity[i][Nearest(report, i)]:0.00}"));
        }

        var nameWidth = adapters.Max(adapter => adapter.Name.Length) + 2;
        var widths = columns.ConvertAll(column =>
            Enumerable.Range(0, adapters.Count).Max(i => Math.Max(column.Head.Length, column.Cell(i).Length)));
        string Row(string name, Func<int, string> cell, string end) =>
            (name.PadRight(nameWidth) + string.Concat(widths.Select((width, c) => "  " + cell(c).PadLeft(width))) + "  " + end).TrimEnd();

        yield return Row("adapter", c => columns[c].Head, adapters.Count > 1 ? "nearest" : "");
        foreach (var (title, members) in Sections(report))
        {
            if (title.Length > 0) yield return title;
            foreach (var i in members)
            {
                var nearest = adapters.Count > 1 ? Shortened(adapters[Nearest(report, i)].Name) : "";
                yield return Row((title.Length > 0 ? "  " : "") + adapters[i].Name, c => columns[c].Cell(i), nearest);
            }
        }
    }

    /// <summary>The groups, then those in none; without any group there is nothing to head.</summary>
    private static IEnumerable<(string Title, IReadOnlyList<int> Members)> Sections(PoolReport report)
    {
        foreach (var group in report.Groups)
            yield return ($"{group.Name}: {group.Members.Count} adapters, mean cosine {group.MeanCosine:0.00}", group.Members);
        var grouped = report.Groups.SelectMany(group => group.Members).ToHashSet();
        var alone = Enumerable.Range(0, report.Adapters.Count).Where(i => !grouped.Contains(i)).ToList();
        if (alone.Count > 0) yield return (report.Groups.Count > 0 ? $"alone: {Count(alone.Count, "adapter")}" : "", alone);
    }

    private static int Nearest(PoolReport report, int adapter) =>
        Others(report.Adapters.Count, adapter).MaxBy(j => report.CosineSimilarity[adapter][j]);

    private static IEnumerable<int> Others(int count, int adapter) => Enumerable.Range(0, count).Where(j => j != adapter);

    private static string Ranks(IReadOnlyList<int> ranks) => string.Join('/', ranks);

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private static string Shortened(string name) => name.Length <= LongestNeighbour ? name : name[..(LongestNeighbour - 1)] + "…";
}
