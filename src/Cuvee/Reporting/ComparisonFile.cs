using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Metrics;

namespace Cuvee.Reporting;

/// <summary>
/// comparison.json: a run's table (<see cref="ComparisonTableJson"/>) with the ids of its test records and, in each row's "records", what
/// every record added to loss and metric, one array a line. Everything else in the file follows from these and is not read back.
/// </summary>
public static class ComparisonFile
{
    private const long MaxBytes = 256 << 20;
    private const int MaxDepth = 16;

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

    /// <exception cref="ComparisonFileException">The file is missing, too large, or not such a table.</exception>
    public static ComparisonTable Read(string path)
    {
        try
        {
            var length = new FileInfo(path).Length;
            if (length > MaxBytes)
                throw new ComparisonFileException($"{path}: {length} bytes are over the {MaxBytes} a table may take; name another run.");
            using var document = JsonDocument.Parse(
                File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = MaxDepth });
            return ReadTable(new Node(document.RootElement, path, ""));
        }
        catch (JsonException exception)
        {
            throw new ComparisonFileException(
                $"{path}: not valid JSON at line {exception.LineNumber + 1}; repeat the run that wrote it.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ComparisonFileException(
                $"{path}: cannot be read; name the folder of a finished run whose run file has a 'compare' section.", exception);
        }
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

    private static ComparisonTable ReadTable(Node root)
    {
        root.RequireOnly(TableKeys);
        var ids = root["test_ids"].Items().Select(id => id.Text()).ToList();
        if (ids.Count == 0) throw root["test_ids"].Error("is empty");
        return new ComparisonTable
        {
            Title = root["title"].Text(),
            Seed = root["seed"].Value.ValueKind == JsonValueKind.Number && root["seed"].Value.TryGetUInt64(out var seed)
                ? seed
                : throw root["seed"].Error("is not an integer from 0 to 18446744073709551615"),
            PoolSize = (int)root["pool"].Count(int.MaxValue),
            Metric = root["metric"].Text(),
            HasPrecisionAndRecall = root["precision_and_recall"].Value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                _ => throw root["precision_and_recall"].Error("is neither true nor false"),
            },
            ValidationRecords = (int)root["validation_records"].Count(int.MaxValue),
            TestSha256 = root["test_sha256"].Text(),
            TestIds = ids,
            Rows = [.. root["rows"].Items().Select(row => ReadRow(row, ids.Count))],
        };
    }

    private static MeasuredRow ReadRow(Node row, int records)
    {
        row.RequireOnly(RowFields);
        var (arrays, score) = (row["records"], row["validation_score"]);
        arrays.RequireOnly(RecordKeys);
        var (losses, tokens) = (arrays["losses"].Numbers(records), arrays["tokens"].Numbers(records, 0));
        var (matched, predicted, expected) =
            (arrays["matched"].Numbers(records, 0), arrays["predicted"].Numbers(records, 0), arrays["expected"].Numbers(records, 0));
        var kind = row["kind"].Text() switch
        {
            "control" => RowKind.Control,
            "search" => RowKind.Search,
            _ => throw row["kind"].Error("is neither \"control\" nor \"search\""),
        };
        return new MeasuredRow(row["key"].Text(), row["name"].Text(), kind, row["queries"].Count(long.MaxValue))
        {
            ValidationLoss = row["validation_loss"].Number(),
            ValidationScore = score.Value.ValueKind == JsonValueKind.Null ? null : score.Number(0),
            Losses = [.. losses.Zip(tokens, (loss, count) => new Ratio(loss, count))],
            Counts = [.. matched.Select((_, i) => new MetricCounts(matched[i], predicted[i], expected[i]))],
        };
    }

    /// <summary>A value with its place in the file, such as <c>rows[2].records.losses</c>.</summary>
    private readonly record struct Node(JsonElement Value, string Path, string Place)
    {
        public Node this[string key]
        {
            get
            {
                var place = Place.Length == 0 ? key : $"{Place}.{key}";
                return Value.TryGetProperty(key, out var value)
                    ? new Node(value, Path, place)
                    : throw new Node(default, Path, place).Error("is missing");
            }
        }

        public void RequireOnly(string[] known)
        {
            if (Value.ValueKind != JsonValueKind.Object) throw Error("is not a JSON object");
            foreach (var property in Value.EnumerateObject())
            {
                if (!known.Contains(property.Name)) throw Error($"has a key '{property.Name}', which no table has");
            }
        }

        public IEnumerable<Node> Items()
        {
            if (Value.ValueKind != JsonValueKind.Array) throw Error("is not a list");
            var (path, place) = (Path, Place);
            return Value.EnumerateArray().Select((item, i) => new Node(item, path, $"{place}[{i}]"));
        }

        public double[] Numbers(int count, double minimum = double.NegativeInfinity)
        {
            double[] numbers = [.. Items().Select(item => item.Number(minimum))];
            return numbers.Length == count ? numbers : throw Error($"has {numbers.Length} numbers for {count} test records");
        }

        /// <summary>A number, or one of the strings that stand for what is none.</summary>
        public double Number(double minimum = double.NegativeInfinity)
        {
            var any = double.IsNegativeInfinity(minimum);
            if (Value.ValueKind == JsonValueKind.Number && Value.TryGetDouble(out var number)
                && double.IsFinite(number) && number >= minimum)
            {
                return number;
            }

            return any && Value.ValueKind == JsonValueKind.String && Text() is "NaN" or "Infinity" or "-Infinity"
                ? double.Parse(Text(), CultureInfo.InvariantCulture)
                : throw Error(any ? "is not a number" : $"is not a number from {minimum}");
        }

        public long Count(long maximum) =>
            Value.ValueKind == JsonValueKind.Number && Value.TryGetInt64(out var count) && count >= 0 && count <= maximum
                ? count
                : throw Error($"is not an integer from 0 to {maximum}");

        public string Text()
        {
            try
            {
                return Value.ValueKind == JsonValueKind.String ? Value.GetString()! : throw Error("is not a string");
            }
            catch (InvalidOperationException exception)
            {
                throw new ComparisonFileException($"{Path}: '{Place}' is not valid Unicode; repeat the run that wrote it.", exception);
            }
        }

        public ComparisonFileException Error(string problem) => new(Place.Length == 0
            ? $"{Path}: the file {problem}; repeat the run that wrote it."
            : $"{Path}: '{Place}' {problem}; repeat the run that wrote it.");
    }
}
