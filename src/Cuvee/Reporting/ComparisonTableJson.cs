using System.Text.Json.Nodes;
using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>A <see cref="ComparisonTable"/> for machines: full precision, fractions in [0, 1], losses in nats per token.</summary>
public static class ComparisonTableJson
{
    public static JsonObject Of(ComparisonTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return new JsonObject
        {
            ["metric"] = table.Metric,
            ["validation_records"] = table.ValidationRecords,
            ["test_records"] = table.TestRecords,
            ["rows"] = new JsonArray([.. table.Rows.Select(row => (JsonNode)Row(table, row))]),
            ["differences"] = new JsonArray([.. table.Differences.Select(difference => (JsonNode)new JsonObject
            {
                ["search"] = difference.Search,
                ["control"] = difference.Control,
                ["score"] = Interval(difference.Score),
                ["test_loss"] = Interval(difference.TestLoss),
            })]),
        };
    }

    private static JsonObject Row(ComparisonTable table, ComparisonRow row)
    {
        var json = new JsonObject
        {
            ["name"] = row.Name,
            ["kind"] = row.Kind == RowKind.Control ? "control" : "search",
            ["queries"] = row.Queries,
            ["validation_loss"] = row.ValidationLoss,
            ["test_loss"] = row.TestLoss,
        };
        if (table.HasPrecisionAndRecall) (json["precision"], json["recall"]) = (row.Score.Precision, row.Score.Recall);
        json["score"] = Interval(row.Interval);
        return json;
    }

    private static JsonObject Interval(ConfidenceInterval interval) =>
        new() { ["value"] = interval.Value, ["lower"] = interval.Lower, ["upper"] = interval.Upper };
}
