namespace Cuvee.Reporting;

/// <summary>Searches beside their controls on records that no search saw.</summary>
/// <param name="Metric">Such as <c>ie-f1</c>.</param>
/// <param name="HasPrecisionAndRecall">False where the metric is one number a record.</param>
public sealed record ComparisonTable(
    string Metric,
    bool HasPrecisionAndRecall,
    int ValidationRecords,
    int TestRecords,
    IReadOnlyList<ComparisonRow> Rows,
    IReadOnlyList<PairedDifference> Differences)
{
    public const string JsonFileName = "comparison.json";
    public const string MarkdownFileName = "comparison.md";

    /// <summary>Writes the table as JSON and as Markdown into <paramref name="folder"/>, each file whole or not at all.</summary>
    public void Write(string folder)
    {
        RunJson.Write(Path.Combine(folder, JsonFileName), ComparisonTableJson.Of(this));
        RunJson.WriteText(Path.Combine(folder, MarkdownFileName), ComparisonTableText.Markdown(this));
    }
}
