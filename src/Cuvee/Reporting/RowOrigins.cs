using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Runs;

namespace Cuvee.Reporting;

/// <summary>What run.json says that the rows of a run's table rest on, seed and version aside: only rows that rest on the same may be
/// averaged.</summary>
public static class RowOrigins
{
    private const string Compare = "compare";

    // Of one search; records, models and controls rest on none of them.
    private static readonly string[] OfASearch = ["search", "objective", "metric", "fallback", "price"];

    /// <summary>Runs of other titles stand beside each other; rows that are pooled must be those of one run file.</summary>
    /// <param name="runs">Folders and their tables. A folder without run.json, of an earlier version, is not looked at.</param>
    /// <exception cref="BadInputException">Two runs differ in more than the seed; the first difference is named.</exception>
    public static void RequireSame(IReadOnlyList<(string Source, ComparisonTable Table)> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var known = new Dictionary<string, (string Source, JsonObject Origin)>(StringComparer.Ordinal);
        foreach (var (source, table) in runs)
        {
            foreach (var (row, origin) in Read(source, table))
            {
                if (known.TryAdd(row, (source, origin))) continue;
                var (first, other) = known[row];
                if (RunIdentity.FirstDifference("", other, origin) is not { } difference) continue;
                var subject = row.Length == 0 ? "the runs" : $"rows '{row}'";
                throw new BadInputException(
                    $"{first} and {source}: {subject} differ in '{difference}' ({RunIdentity.FileName}), so these are no seeds of one " +
                    "run file; a table averages nothing else.");
            }
        }
    }

    /// <returns>By the key of each search's row, and under "" what all rows have in common.</returns>
    private static IEnumerable<(string Row, JsonObject Origin)> Read(string folder, ComparisonTable table)
    {
        var path = Path.Combine(folder, RunIdentity.FileName);
        if (!File.Exists(path)) yield break;
        var main = RunIdentity.Read(path, "repeat the run that wrote it");
        var searches = (main[Compare]?["searches"] as JsonArray ?? []).Select(search => search?.DeepClone()).ToList();
        foreach (var key in (string[])["cuvee", "seed", Compare]) main.Remove(key);
        (main[RunIdentity.ExtendedBudget] as JsonObject)?.Remove("ends");

        var beside = (JsonObject)main.DeepClone(); // what a search of 'compare' has of the run
        beside.Remove(RunIdentity.ExtendedBudget);
        (beside["inputs"] as JsonObject)?.Remove("start");
        var common = (JsonObject)beside.DeepClone();
        foreach (var key in OfASearch) common.Remove(key);

        yield return ("", common);
        var rows = table.Rows.Where(row => row.Kind == RowKind.Search).Select(row => row.Key).ToList();
        if (rows.Count > 0) yield return (rows[0], main);
        foreach (var (row, search) in rows.Skip(1).Zip(searches))
        {
            var origin = (JsonObject)beside.DeepClone();
            origin["search"] = search;
            yield return (row, origin);
        }
    }
}
