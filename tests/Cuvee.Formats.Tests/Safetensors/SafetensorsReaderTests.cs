using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.Safetensors;

public sealed class SafetensorsReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void ReadSingles_F32_ReturnsLittleEndianRowMajorValues()
    {
        // 1.0f = 3F800000, -2.5f = C0200000
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[1,2]", 0, 8), 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0));
        Assert.Equal([1f, -2.5f], reader.ReadSingles("t"));
        Assert.Equal([1, 2], reader.Entries["t"].Shape);
        Assert.Equal(2, reader.Entries["t"].Count);
    }

    [Fact]
    public void ReadSingles_BF16_ReturnsExactValues()
    {
        // 3F80 = 1, 4049 = 3.140625, 8000 = -0, 0001 = 2^-133 (subnormal)
        using var reader = Open(
            SafetensorsBytes.Of(SafetensorsBytes.Entry("BF16", "[4]", 0, 8), 0x80, 0x3F, 0x49, 0x40, 0x00, 0x80, 0x01, 0x00));
        var values = reader.ReadSingles("t");
        Assert.Equal([1f, 3.140625f, -0f, MathF.ScaleB(1, -133)], values);
        Assert.True(float.IsNegative(values[2]));
    }

    [Fact]
    public void ReadSingles_F16_ReturnsExactValues()
    {
        // 3C00 = 1, 7BFF = 65504 (largest), 0001 = 2^-24 (smallest subnormal), C000 = -2
        using var reader = Open(
            SafetensorsBytes.Of(SafetensorsBytes.Entry("F16", "[2,2]", 0, 8), 0x00, 0x3C, 0xFF, 0x7B, 0x01, 0x00, 0x00, 0xC0));
        Assert.Equal([1f, 65504f, MathF.ScaleB(1, -24), -2f], reader.ReadSingles("t"));
    }

    [Fact]
    public void ReadSingles_F64_RoundsToFp32()
    {
        byte[] buffer = [.. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(-1e-60)];
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F64", "[2]", 0, 16), buffer));
        Assert.Equal([0.1f, -0f], reader.ReadSingles("t"));
    }

    [Fact]
    public void ReadSingles_ScalarAndEmpty_AreAllowed()
    {
        const string header = """
            {"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"empty":{"dtype":"F32","shape":[3,0,2],"data_offsets":[4,4]},
            "huge and empty":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,0],"data_offsets":[4,4]}}
            """;
        using var reader = Open(SafetensorsBytes.Of(header, 0, 0, 0x80, 0x3F));
        Assert.Equal([1f], reader.ReadSingles("scalar"));
        Assert.Empty(reader.Entries["scalar"].Shape);
        Assert.Empty(reader.ReadSingles("empty"));
        Assert.Empty(reader.ReadSingles("huge and empty"));
    }

    [Fact]
    public void Open_NoTensors_ReadsMetadata()
    {
        using var reader = Open(SafetensorsBytes.Of("""{"__metadata__":{"format":"pt","é":"\u00fc"}}     """));
        Assert.Empty(reader.Entries);
        Assert.Equal("pt", reader.Metadata["format"]);
        Assert.Equal("ü", reader.Metadata["é"]);
    }

    [Fact]
    public void Open_TensorsInAnyHeaderOrder_FindsEachOnesBytes()
    {
        const string header = """
            {"b":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}
            """;
        using var reader = Open(SafetensorsBytes.Of(header, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40));
        Assert.Equal([1f], reader.ReadSingles("a"));
        Assert.Equal([2f], reader.ReadSingles("b"));
    }

    [Fact]
    public void ReadSingles_OddBufferStart_ReadsUnalignedValues()
    {
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F64", "[1]", 0, 8) + " ", BitConverter.GetBytes(3.0)));
        Assert.Equal([3f], reader.ReadSingles("t"));
    }

    [Fact]
    public void ReadSingles_AfterDispose_Throws()
    {
        var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[1]", 0, 4), 0, 0, 0x80, 0x3F));
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.ReadSingles("t"));
    }

    [Fact]
    public void Open_MissingFile_ThrowsFileNotFound() =>
        Assert.Throws<FileNotFoundException>(() => SafetensorsReader.Open(_folder.File("none")));

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, StorageFormat, byte[]> StoredTypes => new()
    {
        {
            "F32", StorageFormat.F32,
            [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0, 0x80]
        },
        { "BF16", StorageFormat.BF16, [0x80, 0x3F, 0x20, 0xC0, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40, 0x00, 0x80] },
        { "F16", StorageFormat.F16, [0x00, 0x3C, 0x00, 0xC1, 0x00, 0x40, 0x00, 0x42, 0x00, 0x44, 0x00, 0x80] },
    };

    [Theory]
    [MemberData(nameof(StoredTypes))]
    public void Matrix_F32AndSixteenBit_LiesInTheMappedFileAndOutlivesTheReader(string type, StorageFormat format, byte[] buffer)
    {
        StoredMatrix matrix;
        using (var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry(type, "[1,2,3]", 0, buffer.Length), buffer)))
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            matrix = reader.Matrix("t");
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal((format, 2, 3), (matrix.Format, matrix.Rows, matrix.Columns));
        Assert.Equal([1, -2.5f, 2, 3, 4, -0f], matrix.ToSingles());
    }

    [Fact]
    public void Matrix_F64_IsConverted()
    {
        byte[] buffer = [.. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(-1e-60)];
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F64", "[2,1]", 0, 16), buffer));
        var matrix = reader.Matrix("t");
        Assert.Equal((StorageFormat.F32, 2, 1), (matrix.Format, matrix.Rows, matrix.Columns));
        Assert.Equal([0.1f, -0f], matrix.ToSingles());
    }

    [Theory]
    [InlineData("[]", 1, 1, 4)]
    [InlineData("[1]", 1, 1, 4)]
    [InlineData("[3,0,2]", 0, 2, 0)]
    [InlineData("[3,0]", 0, 0, 0)]
    public void Matrix_ScalarVectorAndEmpty_AreRowsOfTheLastDimension(string shape, int rows, int columns, int bytes)
    {
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", shape, 0, bytes), new byte[bytes]));
        var matrix = reader.Matrix("t");
        Assert.Equal((rows, columns), (matrix.Rows, matrix.Columns));
    }

    [Theory]
    [InlineData("F32", 4, 2)]
    [InlineData("BF16", 2, 0)]
    [InlineData("F16", 2, 5)]
    [InlineData("F64", 8, 3)]
    public void Matrix_NaN_NamesTensorAndIndex(string type, int size, int index)
    {
        var buffer = new byte[6 * size];
        buffer.AsSpan(index * size, size).Fill(0xFF);
        using var reader = Open(SafetensorsBytes.Of(SafetensorsBytes.Entry(type, "[2,3]", 0, buffer.Length), buffer));
        var error = Assert.Throws<SafetensorsFormatException>(() => reader.Matrix("t"));
        Assert.Equal(SafetensorsDefect.NotFinite, error.Defect);
        Assert.Contains($"tensor 't' holds NaN or infinity at index {index}", error.Message, StringComparison.Ordinal);
    }

    private SafetensorsReader Open(byte[] bytes) => SafetensorsReader.Open(_folder.Write("t.safetensors", bytes));
}
