using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>
/// comparison.json: a run's table (<see cref="ComparisonTableJson"/>) with the ids of its test records and, in each row's "records", what
/// every record added to loss and metric, one array a line. Everything else in the file follows from these and is not read back.
/// </summary>
public static class ComparisonFile
{
    private static readonly JsonDocumentKind Kind =
        new("the table of a finished run", MaxBytes: 256 << 20, MaxDepth: 16, "repeat the run that wrote it");

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly string[] TableKeys =
    [
        "title", "seed", "pool", "metric", "precision_and_recall", "validation_records", "test_records", "test_sha256", "rows",
        "differences", "test_ids",
    ];

    private static readonly string[] RowFields =
    [
        "key", "name", "kind", "queries", "validation_loss", "validation_score", "test_loss", "test_loss_interval", "precision", "recall",
        "score", "records",
    ];

    private static readonly string[] RecordKeys = ["losses", "tokens", "matched", "predicted", "expected"];

    /// <summary>Whole or not at all; the same table gives the same bytes.</summary>
    public static void Write(string path, ComparisonTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var json = ComparisonTableJson.Of(table);
        AtomicFile.Write(path, stream =>
        {
            using (var writer = new Utf8JsonWriter(stream, WriterOptions))
            {
                writer.WriteStartObject();
                foreach (var (key, value) in json)
                {
                    writer.WritePropertyName(key);
                    if (key == "rows") WriteRows(writer, value!.AsArray(), table.Rows);
                    else value!.WriteTo(writer);
                }

                writer.WritePropertyName("test_ids");
                WriteLine(writer, table.TestIds.Select(id => (JsonNode)id));
                writer.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
        });
    }

    /// <exception cref="BadInputException">The file is missing, too large, or not such a table.</exception>
    public static ComparisonTable Read(string path)
    {
        using var file = JsonFile.Read(path, Kind);
        return ReadTable(file.Root);
    }

    private static void WriteRows(Utf8JsonWriter writer, JsonArray rows, IReadOnlyList<MeasuredRow> measured)
    {
        writer.WriteStartArray();
        foreach (var (json, row) in rows.Zip(measured))
        {
            writer.WriteStartObject();
            foreach (var (key, value) in json!.AsObject())
            {
                writer.WritePropertyName(key);
                if (value is null) writer.WriteNullValue();
                else value.WriteTo(writer);
            }

            writer.WriteStartObject("records");
            void Numbers(string key, IEnumerable<double> values)
            {
                writer.WritePropertyName(key);
                WriteLine(writer, values.Select(ComparisonTableJson.Number));
            }

            Numbers("losses", row.Losses.Select(loss => loss.Numerator));
            Numbers("tokens", row.Losses.Select(loss => loss.Denominator));
            Numbers("matched", row.Counts.Select(counts => counts.Matched));
            Numbers("predicted", row.Counts.Select(counts => counts.Predicted));
            Numbers("expected", row.Counts.Select(counts => counts.Expected));
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteLine(Utf8JsonWriter writer, IEnumerable<JsonNode> values) =>
        writer.WriteRawValue(new JsonArray([.. values]).ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

    private static ComparisonTable ReadTable(JsonField root)
    {
        root.RequireOnly(TableKeys);
        var ids = root["test_ids"].Items().Select(id => id.Text()).ToList();
        if (ids.Count == 0) throw root.Error("test_ids", "is empty; repeat the run that wrote it");
        return new ComparisonTable
        {
            Title = root["title"].Text(),
            Seed = root["seed"].Unsigned(),
            PoolSize = root["pool"].Integer(0),
            Metric = root["metric"].Text(),
            HasPrecisionAndRecall = root["precision_and_recall"].Boolean(),
            ValidationRecords = root["validation_records"].Integer(0),
            TestSha256 = root["test_sha256"].Text(),
            TestIds = ids,
            Rows = [.. root["rows"].Items().Select(row => ReadRow(row, ids.Count))],
        };
    }

    private static MeasuredRow ReadRow(JsonField row, int records)
    {
        row.RequireOnly(RowFields);
        var arrays = row["records"];
        arrays.RequireOnly(RecordKeys);
        double[] Counts(string key) => Numbers(arrays[key], records, field => field.Number(0));
        var (losses, tokens) = (Numbers(arrays["losses"], records, AnyNumber), Counts("tokens"));
        var (matched, predicted, expected) = (Counts("matched"), Counts("predicted"), Counts("expected"));
        var kind = row["kind"].Text() switch
        {
            "control" => RowKind.Control,
            "search" => RowKind.Search,
            _ => throw row.Error("kind", "is neither \"control\" nor \"search\"; repeat the run that wrote it"),
        };
        return new MeasuredRow(row["key"].Text(), row["name"].Text(), kind, row["queries"].Long(0))
        {
            ValidationLoss = AnyNumber(row["validation_loss"]),
            ValidationScore = row.Find("validation_score")?.Number(0),
            Losses = [.. losses.Zip(tokens, (loss, count) => new Ratio(loss, count))],
            Counts = [.. matched.Select((_, i) => new MetricCounts(matched[i], predicted[i], expected[i]))],
        };
    }

    private static double[] Numbers(JsonField list, int count, Func<JsonField, double> read)
    {
        double[] numbers = [.. list.Items().Select(read)];
        return numbers.Length == count
            ? numbers
            : throw list.Error($"has {numbers.Length} numbers for {count} test records; repeat the run that wrote it");
    }

    /// <summary>A number, or one of the strings that stand for what is none.</summary>
    private static double AnyNumber(JsonField field) => field.IsText && field.Text() is "NaN" or "Infinity" or "-Infinity"
        ? double.Parse(field.Text(), CultureInfo.InvariantCulture)
        : field.Number();
}
