namespace Cuvee.Reporting;

/// <summary>Searches of one run beside their controls on records that no search saw.</summary>
public sealed class ComparisonTable
{
    public const string JsonFileName = "comparison.json";
    public const string MarkdownFileName = "comparison.md";

    private PooledTable? pooled;

    /// <summary>Of the main search.</summary>
    public required string Title { get; init; }

    /// <summary>The run's; it also draws the intervals.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Adapters that the searches chose from.</summary>
    public required int PoolSize { get; init; }

    /// <summary>Such as <c>ie-f1</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>False where the metric is one number a record.</summary>
    public required bool HasPrecisionAndRecall { get; init; }

    public required int ValidationRecords { get; init; }

    /// <summary>Of the file of test records, lower-case.</summary>
    public required string TestSha256 { get; init; }

    /// <summary>[test records]</summary>
    public required IReadOnlyList<string> TestIds { get; init; }

    /// <summary>The first search is the main one. A key or name that an earlier row has gets a number.</summary>
    public required IReadOnlyList<MeasuredRow> Rows
    {
        get;
        init => field = Distinct(value);
    }

    /// <summary>The table as the only run of a pool: values, intervals and paired differences.</summary>
    public PooledTable Pooled => pooled ??= PooledTable.Of([("", this)]);

    /// <summary>Every pair of rows, those of the main search first.</summary>
    public IReadOnlyList<PairedDifference> Differences => Pooled.Differences;

    /// <summary>Writes the table as JSON and as Markdown into <paramref name="folder"/>, each file whole or not at all.</summary>
    public void Write(string folder)
    {
        ComparisonFile.Write(Path.Combine(folder, JsonFileName), this);
        Formats.AtomicFile.WriteAllBytes(
            Path.Combine(folder, MarkdownFileName), System.Text.Encoding.UTF8.GetBytes(ComparisonTableText.Markdown(Pooled)));
    }

    private static List<MeasuredRow> Distinct(IReadOnlyList<MeasuredRow> rows)
    {
        var (keys, names) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        return [.. rows.Select(row => row with { Key = Free(keys, row.Key), Name = Free(names, row.Name) })];

        static string Free(HashSet<string> taken, string text)
        {
            var free = text;
            for (var copy = 2; !taken.Add(free); copy++) free = $"{text}, {copy}";
            return free;
        }
    }
}
