using System.Globalization;
using System.Text.Json.Nodes;
using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>
/// Tables for machines: full precision, fractions in [0, 1], losses in nats per token, a number that is not finite as a string.
/// </summary>
public static class ComparisonTableJson
{
    /// <summary>A run's table without its records, which <see cref="ComparisonFile"/> adds.</summary>
    public static JsonObject Of(ComparisonTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return new JsonObject
        {
            ["title"] = table.Title,
            ["seed"] = table.Seed,
            ["pool"] = table.PoolSize,
            ["metric"] = table.Metric,
            ["precision_and_recall"] = table.HasPrecisionAndRecall,
            ["validation_records"] = table.ValidationRecords,
            ["test_records"] = table.TestIds.Count,
            ["test_sha256"] = table.TestSha256,
            ["rows"] = new JsonArray([.. table.Pooled.Rows.Select(row => (JsonNode)Row(table.Pooled, row))]),
            ["differences"] = Differences(table.Pooled, withRuns: false),
        };
    }

    /// <summary>Rows and differences also say how many runs they are pooled over.</summary>
    public static JsonObject Of(PooledTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return new JsonObject
        {
            ["runs"] = new JsonArray([.. table.Runs.Select(run => (JsonNode)new JsonObject
            {
                ["run"] = run.Source,
                ["title"] = run.Table.Title,
                ["seed"] = run.Table.Seed,
                ["pool"] = run.Table.PoolSize,
                ["validation_records"] = run.Table.ValidationRecords,
            })]),
            ["metric"] = table.Metric,
            ["precision_and_recall"] = table.HasPrecisionAndRecall,
            ["test_records"] = table.Runs[0].Table.TestIds.Count,
            ["test_sha256"] = table.Runs[0].Table.TestSha256,
            ["resamples"] = table.Resamples,
            ["rows"] = new JsonArray([.. table.Rows.Select(row =>
            {
                var json = Row(table, row);
                json["runs"] = row.Runs;
                return (JsonNode)json;
            })]),
            ["differences"] = Differences(table, withRuns: true),
        };
    }

    internal static JsonValue Number(double value) =>
        double.IsFinite(value) ? JsonValue.Create(value) : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));

    private static JsonObject Row(PooledTable table, PooledRow row)
    {
        var json = new JsonObject
        {
            ["key"] = row.Key,
            ["name"] = row.Name,
            ["kind"] = row.Kind == RowKind.Control ? "control" : "search",
            ["queries"] = double.IsInteger(row.Queries) ? JsonValue.Create((long)row.Queries) : JsonValue.Create(row.Queries),
            ["validation_loss"] = Number(row.ValidationLoss),
            ["validation_score"] = row.ValidationScore,
            ["test_loss"] = Number(row.TestLoss.Value),
            ["test_loss_interval"] = new JsonArray(Number(row.TestLoss.Lower), Number(row.TestLoss.Upper)),
        };
        if (table.HasPrecisionAndRecall) (json["precision"], json["recall"]) = (row.Precision, row.Recall);
        json["score"] = Interval(row.Score);
        return json;
    }

    private static JsonArray Differences(PooledTable table, bool withRuns) => [.. table.Differences.Select(difference =>
    {
        var json = new JsonObject { ["first"] = difference.First, ["second"] = difference.Second };
        if (withRuns) json["runs"] = difference.Runs;
        (json["score"], json["test_loss"]) = (Interval(difference.Score), Interval(difference.TestLoss));
        return (JsonNode)json;
    })];

    private static JsonObject Interval(ConfidenceInterval interval) =>
        new() { ["value"] = Number(interval.Value), ["lower"] = Number(interval.Lower), ["upper"] = Number(interval.Upper) };
}
