using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using Cuvee.Numerics;

namespace Cuvee.Optimization;

/// <summary>
/// Bit-exact fields of optimizer snapshots. Scalars and vectors are JSON numbers (shortest form that reads back to the same double; named
/// strings where JSON has no number), matrices Base64 of little-endian doubles, 64-bit words hexadecimal because JSON readers round them.
/// </summary>
internal static class SnapshotCodec
{
    public static JsonNode Number(double value) =>
        double.IsFinite(value) ? JsonValue.Create(value) : JsonValue.Create(value.ToString("R", CultureInfo.InvariantCulture));

    public static JsonArray Vector(IEnumerable<double> values) => new([.. values.Select(Number)]);

    public static JsonArray Integers(IEnumerable<int> values) => new([.. values.Select(value => (JsonNode)JsonValue.Create(value))]);

    public static JsonNode Matrix(ReadOnlySpan<double> values)
    {
        var bytes = new byte[values.Length * sizeof(double)];
        for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)), values[i]);
        return JsonValue.Create(Convert.ToBase64String(bytes));
    }

    public static JsonObject Random(RandomState state) => new()
    {
        ["words"] = new JsonArray(state.S0.ToString("x16"), state.S1.ToString("x16"), state.S2.ToString("x16"), state.S3.ToString("x16")),
        ["spareGaussian"] = Number(state.SpareGaussian),
        ["hasSpareGaussian"] = state.HasSpareGaussian,
    };

    public static double ReadNumber(JsonObject snapshot, string field) => Parse(snapshot, field, ReadNumber);

    public static int ReadInteger(JsonObject snapshot, string field) => Parse(snapshot, field, node => node.GetValue<int>());

    public static string ReadText(JsonObject snapshot, string field) => Parse(snapshot, field, node => node.GetValue<string>());

    public static double[] ReadVector(JsonObject snapshot, string field, int? length = null)
    {
        var values = Parse(snapshot, field, Numbers);
        return RequireLength(values, field, length);
    }

    public static int[] ReadIntegers(JsonObject snapshot, string field) =>
        Parse(snapshot, field, node => node.AsArray().Select(item => item!.GetValue<int>()).ToArray());

    public static double[] ReadMatrix(JsonObject snapshot, string field, int length)
    {
        var values = Parse(snapshot, field, node =>
        {
            var bytes = Convert.FromBase64String(node.GetValue<string>());
            var result = new double[bytes.Length / sizeof(double)];
            for (var i = 0; i < result.Length; i++) result[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)));
            return result;
        });
        return RequireLength(values, field, length);
    }

    public static RandomState ReadRandom(JsonObject snapshot, string field) => Parse(snapshot, field, node =>
    {
        var state = node.AsObject();
        var words = state["words"]!.AsArray().Select(word => ulong.Parse(word!.GetValue<string>(), NumberStyles.HexNumber)).ToArray();
        var hasSpare = state["hasSpareGaussian"]!.GetValue<bool>();
        return new RandomState(words[0], words[1], words[2], words[3], ReadNumber(state["spareGaussian"]!), hasSpare);
    });

    /// <summary>Refuses a snapshot of another optimizer or of another dimension.</summary>
    public static void RequireOwner(JsonObject snapshot, IOptimizer owner)
    {
        var name = ReadText(snapshot, "optimizer");
        var dimension = ReadInteger(snapshot, "dimension");
        if (name != owner.Name || dimension != owner.Dimension)
        {
            throw new SnapshotFormatException(
                $"The snapshot is of optimizer '{name}' with {dimension} coordinates, this one is '{owner.Name}' with {owner.Dimension}; " +
                "resume with the first run's settings.");
        }
    }

    public static T Parse<T>(JsonObject snapshot, string field, Func<JsonNode, T> read)
    {
        var node = snapshot[field]
            ?? throw new SnapshotFormatException($"The optimizer snapshot has no field '{field}'; use a complete snapshot.");
        try
        {
            return read(node);
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException or NullReferenceException
            or IndexOutOfRangeException or OverflowException)
        {
            throw new SnapshotFormatException(
                $"Field '{field}' of the optimizer snapshot cannot be read; use an undamaged snapshot.", exception);
        }
    }

    public static double[] Numbers(JsonNode array) => [.. array.AsArray().Select(item => ReadNumber(item!))];

    private static double ReadNumber(JsonNode node) =>
        node.GetValueKind() == System.Text.Json.JsonValueKind.String
            ? double.Parse(node.GetValue<string>(), CultureInfo.InvariantCulture)
            : node.GetValue<double>();

    private static double[] RequireLength(double[] values, string field, int? length) =>
        length is { } expected && values.Length != expected
            ? throw new SnapshotFormatException(
                $"Field '{field}' of the optimizer snapshot has {values.Length} values, not {expected}; use an undamaged snapshot.")
            : values;
}
