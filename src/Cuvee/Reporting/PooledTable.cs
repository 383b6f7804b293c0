using Cuvee.Formats;
using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>
/// One table of several runs on the same test records: rows of one key are pooled, values are means over the runs that have the row,
/// intervals cover the choice of both runs and records. Of one run it is the run's own table.
/// </summary>
public sealed class PooledTable
{
    private PooledTable(
        IReadOnlyList<(string Source, ComparisonTable Table)> runs, int resamples, IReadOnlyList<PooledRow> rows, int? main,
        IReadOnlyList<PairedDifference> differences) =>
        (Runs, Resamples, Rows, MainRow, Differences) = (runs, resamples, rows, main is { } index ? rows[index] : null, differences);

    /// <summary>Where each table comes from, in the order given.</summary>
    public IReadOnlyList<(string Source, ComparisonTable Table)> Runs { get; }

    public int Resamples { get; }

    public string Metric => Runs[0].Table.Metric;

    public bool HasPrecisionAndRecall => Runs[0].Table.HasPrecisionAndRecall;

    /// <summary>Some row's answers were scored; what gives no log-probabilities has no losses to show.</summary>
    public bool HasLosses => Runs.Any(run => run.Table.Rows.Any(row => row.Losses.Any(loss => loss.Denominator != 0)));

    /// <summary>In the order of the first run, then what other runs add.</summary>
    public IReadOnlyList<PooledRow> Rows { get; }

    /// <summary>The first run's main search.</summary>
    public PooledRow? MainRow { get; }

    /// <summary>Every pair of rows that some run has both of, those of the main search first.</summary>
    public IReadOnlyList<PairedDifference> Differences { get; }

    /// <param name="runs">At least one; the first one's seed draws the intervals.</param>
    /// <exception cref="BadInputException">Two runs have other test records, another metric, or are no seeds of one run file.</exception>
    public static PooledTable Of(
        IReadOnlyList<(string Source, ComparisonTable Table)> runs, int resamples = Bootstrap.DefaultResamples)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentOutOfRangeException.ThrowIfZero(runs.Count, nameof(runs));
        foreach (var run in runs.Skip(1)) RequireSame(runs[0], run);
        if (runs.GroupBy(run => (run.Table.Title, run.Table.Seed)).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new BadInputException(
                $"{string.Join(" and ", twice.Select(run => run.Source))}: both are {twice.Key.Title} with seed {twice.Key.Seed}, so " +
                "these are no seeds of one run file; a table averages nothing else.");
        }

        var seed = runs[0].Table.Seed;
        var keys = runs.SelectMany(run => run.Table.Rows).Select(row => row.Key).Distinct(StringComparer.Ordinal).ToList();
        RowPool[] pools =
        [
            .. keys.Select(key =>
                new RowPool([.. runs.Select(run => run.Table.Rows.FirstOrDefault(row => row.Key == key))], seed, resamples)),
        ];
        PooledRow[] rows = [.. pools.Select(pool => pool.ToRow())];
        int? main = runs[0].Table.Rows.FirstOrDefault(row => row.Kind == RowKind.Search) is { } search ? keys.IndexOf(search.Key) : null;

        var order = Enumerable.Range(0, rows.Length).OrderBy(i => i != main).ToList();
        var differences = new List<PairedDifference>();
        for (var i = 0; i < order.Count; i++)
        {
            foreach (var j in order.Skip(i + 1))
            {
                if (pools[order[i]].Minus(pools[j]) is not var (runsOfBoth, score, loss)) continue;
                differences.Add(new PairedDifference(rows[order[i]].Name, rows[j].Name, runsOfBoth, score, loss));
            }
        }

        return new PooledTable(runs, resamples, rows, main, differences);
    }

    private static void RequireSame((string Source, ComparisonTable Table) first, (string Source, ComparisonTable Table) other)
    {
        if (first.Table.Metric != other.Table.Metric)
        {
            throw new BadInputException(
                $"{first.Source} and {other.Source}: measured with different metrics, {first.Table.Metric} and {other.Table.Metric}; " +
                "compare runs of one metric.");
        }

        if (first.Table.TestSha256 != other.Table.TestSha256 || !first.Table.TestIds.SequenceEqual(other.Table.TestIds))
        {
            throw new BadInputException(
                $"{first.Source} and {other.Source}: measured on different test records ('test_sha256'); compare runs of one test file.");
        }

        var (one, two) = (first.Table, other.Table);
        if (one.PoolSize != two.PoolSize || one.ValidationRecords != two.ValidationRecords)
        {
            throw new BadInputException(
                $"{first.Source} and {other.Source}: pools of {one.PoolSize} and {two.PoolSize} adapters, {one.ValidationRecords} and " +
                $"{two.ValidationRecords} validation records, so these are no seeds of one run file; a table averages nothing else.");
        }
    }

    /// <summary>One key's rows, null in runs without it.</summary>
    private sealed class RowPool(IReadOnlyList<MeasuredRow?> rows, ulong seed, int resamples)
    {
        private readonly List<int> present = [.. Enumerable.Range(0, rows.Count).Where(run => rows[run] is not null)];

        // By the runs that are drawn from: pairs with the same runs share the work.
        private readonly Dictionary<string, (ResampledValue Score, ResampledValue Loss)> resampled = [];

        public PooledRow ToRow()
        {
            var own = present.ConvertAll(run => rows[run]!);
            var (score, loss) = Resample(present);
            return new PooledRow(
                own[0].Key,
                CommonName(own),
                own[0].Kind,
                own.Count,
                own.Average(row => (double)row.Queries),
                own.Average(row => row.ValidationLoss),
                own.TrueForAll(row => row.ValidationScore is not null) ? own.Average(row => row.ValidationScore!.Value) : null,
                own.Average(row => row.Score.Precision),
                own.Average(row => row.Score.Recall),
                score.Interval,
                loss.Interval);
        }

        /// <returns>Null where no run has both.</returns>
        public (int Runs, ConfidenceInterval Score, ConfidenceInterval Loss)? Minus(RowPool other)
        {
            var both = present.Intersect(other.present).ToList();
            if (both.Count == 0) return null;
            var (mine, its) = (Resample(both), other.Resample(both));
            return (both.Count, mine.Score.Minus(its.Score).Interval, mine.Loss.Minus(its.Loss).Interval);
        }

        private (ResampledValue Score, ResampledValue Loss) Resample(List<int> runs)
        {
            var key = string.Join(' ', runs);
            if (resampled.TryGetValue(key, out var known)) return known;
            return resampled[key] = (
                Bootstrap.Resample(
                    [.. runs.Select(run => rows[run]!.Counts.Select(counts => counts.ToRatio()).ToArray())], seed, resamples),
                Bootstrap.Resample([.. runs.Select(run => rows[run]!.Losses)], seed, resamples));
        }

        /// <summary>Names that differ do so behind a search's key, or in brackets at the end: "best single adapter (ner-snips)".</summary>
        private static string CommonName(List<MeasuredRow> rows)
        {
            if (rows.TrueForAll(row => row.Name == rows[0].Name)) return rows[0].Name;
            if (rows[0].Kind == RowKind.Search) return rows[0].Key;
            var stems = rows.Select(row => row.Name.Split(" (")[0]).Distinct(StringComparer.Ordinal).ToList();
            return stems.Count == 1 ? stems[0] : rows[0].Key;
        }
    }
}

/// <summary>A row over the runs that have it: means, with 95% bootstrap intervals of the metric and the loss on the test records.</summary>
/// <param name="Name">What the runs' names have in common.</param>
/// <param name="ValidationScore">Null where a run did not measure it.</param>
public sealed record PooledRow(
    string Key,
    string Name,
    RowKind Kind,
    int Runs,
    double Queries,
    double ValidationLoss,
    double? ValidationScore,
    double Precision,
    double Recall,
    ConfidenceInterval Score,
    ConfidenceInterval TestLoss);
