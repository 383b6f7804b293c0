using System.Buffers.Binary;
using System.Text;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Safetensors;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Write_TwoTensors_GivesTheseBytes()
    {
        var path = _folder.File("t.safetensors");
        SafetensorsWriter.Write(
            path,
            [new TensorData("b", [1, 2], [1f, -2.5f]), new TensorData("a", [], [0.5f])],
            TensorType.F32,
            new Dictionary<string, string> { ["format"] = "pt" });
        const string header =
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},""" +
            "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[4,12]}}";
        var padded = Encoding.UTF8.GetBytes(header.PadRight((header.Length + 7) / 8 * 8));
        Assert.Equal([.. SafetensorsBytes.Of(padded, [0, 0, 0, 0x3F, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0])], File.ReadAllBytes(path));
    }

    [Theory]
    // Ties go to the even neighbour, others to the nearest: 1 + 2^-8 -> 1, 1 + 3 * 2^-8 -> 1 + 2^-6, just above a tie -> up.
    [InlineData(TensorType.BF16, 1.00390625f, 0x3F80)]
    [InlineData(TensorType.BF16, 1.01171875f, 0x3F82)]
    [InlineData(TensorType.BF16, 1.0039064f, 0x3F81)]
    [InlineData(TensorType.BF16, -0f, 0x8000)]
    // 1 + 2^-11 -> 1, 1 + 3 * 2^-11 -> 1 + 2^-9; 65519.99 is the last below the tie that becomes infinite.
    [InlineData(TensorType.F16, 1.00048828125f, 0x3C00)]
    [InlineData(TensorType.F16, 1.00146484375f, 0x3C02)]
    [InlineData(TensorType.F16, 65519.99f, 0x7BFF)]
    [InlineData(TensorType.F16, 5.9604645e-8f, 0x0001)]
    [InlineData(TensorType.F16, 2.9802322e-8f, 0x0000)]
    public void Write_Narrowed_RoundsToNearestEven(TensorType type, float value, int bits)
    {
        var path = _folder.File("t");
        SafetensorsWriter.Write(path, [new TensorData("t", [1], [value])], type);
        Assert.Equal((ushort)bits, BinaryPrimitives.ReadUInt16LittleEndian(File.ReadAllBytes(path).AsSpan()[^2..]));
    }

    [Theory]
    [InlineData(TensorType.F16, 65520f)]
    [InlineData(TensorType.F16, -1e30f)]
    [InlineData(TensorType.BF16, float.MaxValue)]
    public void Write_ValueThatBecomesInfinite_ValueOverflow(TensorType type, float value)
    {
        var path = _folder.File("t");
        var e = Assert.Throws<SafetensorsFormatException>(
            () => SafetensorsWriter.Write(path, [new TensorData("weight", [3], [0, 1, value])], type));
        Assert.Equal(SafetensorsDefect.ValueOverflow, e.Defect);
        Assert.Contains("tensor 'weight'", e.Message, StringComparison.Ordinal);
        Assert.Contains("at index 2", e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Write_NotFinite_NamesTensorAndIndexAndKeepsTheOldFile(float value)
    {
        var path = _folder.Write("t", "old");
        var values = new float[70_000];
        values[69_999] = value;
        var e = Assert.Throws<SafetensorsFormatException>(
            () => SafetensorsWriter.Write(path, [new TensorData("w", [70_000], values)], TensorType.BF16));
        Assert.Equal(SafetensorsDefect.NotFinite, e.Defect);
        Assert.Contains("tensor 'w'", e.Message, StringComparison.Ordinal);
        Assert.Contains("index 69999", e.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Write_TensorsAndMetadataInAnyOrder_SameBytes()
    {
        TensorData a = new("a", [2], [1, 2]), b = new("b", [1], [3]), upper = new("B", [1], [4]);
        SafetensorsWriter.Write(
            _folder.File("1"), [a, b, upper], TensorType.F32, new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" });
        SafetensorsWriter.Write(
            _folder.File("2"), [upper, b, a], TensorType.F32, new Dictionary<string, string> { ["y"] = "2", ["x"] = "1" });
        Assert.Equal(File.ReadAllBytes(_folder.File("1")), File.ReadAllBytes(_folder.File("2")));
        using var reader = SafetensorsReader.Open(_folder.File("1"));
        Assert.Equal(["B", "a", "b"], reader.Entries.Values.OrderBy(entry => entry.Begin).Select(entry => entry.Name));
    }

    [Fact]
    public void Write_WrongArguments_Throws()
    {
        void Write(params TensorData[] tensors) => SafetensorsWriter.Write(_folder.File("t"), tensors, TensorType.F32);
        Assert.Throws<ArgumentException>(() => Write(new TensorData("a", [1], [1]), new TensorData("a", [1], [1])));
        Assert.Throws<ArgumentException>(() => Write(new TensorData("__metadata__", [1], [1])));
        Assert.Throws<ArgumentException>(() => Write(new TensorData("a", [2], [1])));
        Assert.Throws<ArgumentException>(() => Write(new TensorData("a", [-1, -1], [1])));
        Assert.Throws<ArgumentException>(() => Write(new TensorData("a", [int.MaxValue, int.MaxValue, int.MaxValue, 4], [1])));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData(TensorType.F32)]
    [InlineData(TensorType.BF16)]
    public void Write_SourceFormedInPieces_SameBytesAsOnePiece(TensorType type)
    {
        int[] shape = [3, 419, 997]; // 1,253,229 elements: over 2^20
        float[] values = [.. Enumerable.Range(0, 3 * 419 * 997).Select(i => (i % 8191) - 4000.25f)];
        var asked = new List<(int FirstRow, int Rows)>();
        var formed = new TensorSource("big", shape, (firstRow, rows) =>
        {
            asked.Add((firstRow, rows.Length / 997));
            values.AsMemory(firstRow * 997, rows.Length).CopyTo(rows);
        });
        var scalar = new TensorSource("a", [], (_, rows) => rows.Span[0] = 7);
        SafetensorsWriter.Write(_folder.File("source"), [formed, scalar], type);
        SafetensorsWriter.Write(_folder.File("data"), [new TensorData("a", [], [7]), new TensorData("big", shape, values)], type);
        Assert.Equal(File.ReadAllBytes(_folder.File("data")), File.ReadAllBytes(_folder.File("source")));
        using var reader = SafetensorsReader.Open(_folder.File("source"));
        Assert.Equal([7], reader.ReadSingles("a"));
        if (type == TensorType.F32) Assert.Equal(values, reader.ReadSingles("big"));
        Assert.True(asked.Count > 1);
        Assert.Equal(1257, asked.Sum(piece => piece.Rows));
        foreach (var (before, after) in asked.Zip(asked.Skip(1))) Assert.Equal(before.FirstRow + before.Rows, after.FirstRow);
    }

    public void Dispose() => _folder.Dispose();
}
