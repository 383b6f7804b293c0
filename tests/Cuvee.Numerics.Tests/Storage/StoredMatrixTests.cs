namespace Cuvee.Numerics.Tests.Storage;

public unsafe class StoredMatrixTests
{
    private static readonly float[] Exact = [0f, -0f, 1f, -2.5f, 0.0078125f, 65504f, -3.0517578125e-05f, 5.9604644775390625e-08f, 1.5f];

    [Fact]
    public void ReadRow_BFloat16AtOddAddress_IsExact() => AssertRoundTrip(
        StorageFormat.BF16, 33, (source, target) =>
        {
            for (var i = 0; i < source.Length; i++) BitConverter.TryWriteBytes(target[(2 * i)..], BFloat16.FromSingle(source[i]));
        }, value => BFloat16.ToSingle(BFloat16.FromSingle(value)));

    [Fact]
    public void ReadRow_Float16AtOddAddress_IsExact() => AssertRoundTrip(
        StorageFormat.F16, 33, (source, target) =>
        {
            for (var i = 0; i < source.Length; i++) BitConverter.TryWriteBytes(target[(2 * i)..], (Half)source[i]);
        }, value => (float)(Half)value);

    [Fact]
    public void ReadRow_Q80_IsScaleTimesByte()
    {
        var bytes = new byte[2 * StorageFormats.BlockBytes];
        for (var block = 0; block < 2; block++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(block * StorageFormats.BlockBytes), (Half)(0.25f + block));
            for (var i = 0; i < 32; i++) bytes[(block * StorageFormats.BlockBytes) + 2 + i] = (byte)(sbyte)((i * 8) - 128);
        }

        fixed (byte* data = bytes)
        {
            var row = new float[64];
            new StoredMatrix(StorageFormat.Q80, 1, 64, data, bytes).ReadRow(0, row);
            for (var i = 0; i < 64; i++) Assert.Equal((0.25f + (i / 32)) * (((i % 32) * 8) - 128), row[i]);
        }
    }

    [Fact]
    public void Over_ArrayWrittenLater_ShowsIt()
    {
        var values = new float[6];
        var matrix = StoredMatrix.Over(2, 3, values);
        values[4] = 7;

        Assert.Equal([0, 0, 0, 0, 7, 0], matrix.ToSingles());
    }

    [Fact]
    public void Constructor_Q80RowsOfPartBlocks_AreRefused() => Assert.Contains(
        "whole blocks of 32, not 40",
        Assert.Throws<ArgumentException>(() => new StoredMatrix(StorageFormat.Q80, 1, 40, null, "")).Message,
        StringComparison.Ordinal);

    public static TheoryData<StorageFormat> Formats => [.. Enum.GetValues<StorageFormat>()];

    public static TheoryData<StorageFormat> ElementFormats => [StorageFormat.F32, StorageFormat.BF16, StorageFormat.F16];

    [Theory]
    [MemberData(nameof(ElementFormats))]
    public void IndexOfNotFinite_AnyPlaceUpToVectorEdges_IsTheFirstOfThem(StorageFormat format)
    {
        foreach (var count in new[] { 1, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200 })
        {
            var bytes = new byte[1 + (int)format.RowBytes(count)];
            fixed (byte* data = bytes)
            {
                var matrix = new StoredMatrix(format, 1, count, data + 1, bytes);
                foreach (var largest in new[] { float.MaxValue, -65504f })
                {
                    for (var i = 0; i < count; i++) Write(format, bytes.AsSpan(1), i, largest);
                    if (format != StorageFormat.F16) Assert.Equal(-1, matrix.IndexOfNotFinite());
                }

                Assert.Equal(-1, matrix.IndexOfNotFinite());
                Write(format, bytes.AsSpan(1), count - 1, float.NegativeInfinity);
                Assert.Equal(count - 1, matrix.IndexOfNotFinite());
                for (var i = count - 1; i >= 0; i--)
                {
                    Write(format, bytes.AsSpan(1), i, i % 2 == 0 ? float.NaN : float.PositiveInfinity);
                    Assert.Equal(i, matrix.IndexOfNotFinite());
                    if (i % 3 == 0) continue;
                    Write(format, bytes.AsSpan(1), i, 1);
                    Assert.NotEqual(i, matrix.IndexOfNotFinite());
                }
            }
        }
    }

    [Fact]
    public void IndexOfNotFinite_Q80ScaleNotFinite_IsItsBlocksFirstElement()
    {
        foreach (var broken in new[] { Half.NaN, Half.NegativeInfinity })
        {
            for (var block = 0; block < 5; block++)
            {
                var bytes = new byte[5 * StorageFormats.BlockBytes];
                bytes.AsSpan().Fill(0x7B); // scales of 61280
                fixed (byte* data = bytes)
                {
                    var matrix = new StoredMatrix(StorageFormat.Q80, 5, 32, data, bytes);
                    Assert.Equal(-1, matrix.IndexOfNotFinite());
                    BitConverter.TryWriteBytes(bytes.AsSpan(block * StorageFormats.BlockBytes), broken);
                    Assert.Equal(32 * block, matrix.IndexOfNotFinite());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void ReadRow_Part_IsThatPartOfTheRow(StorageFormat format)
    {
        var matrix = StoredWeights.Gaussian(format, 3, 96, misalignment: 1);
        var all = matrix.ToSingles();
        foreach (var (first, count) in new[] { (0, 32), (32, 64), (64, 32), (32, 0), (96, 0) })
        {
            var part = new float[count];
            matrix.ReadRow(2, first, part);
            Assert.Equal(all[(192 + first)..(192 + first + count)], part);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadRow(2, 64, new float[64]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadRow(3, new float[96]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadRow(-1, new float[96]));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void HasValuesOf_WidenedCopy_UntilOneValueOrTheShapeDiffers(StorageFormat format)
    {
        var matrix = StoredWeights.Gaussian(format, 3, 32);
        var values = matrix.ToSingles();
        Assert.True(matrix.HasValuesOf(StoredMatrix.Over(3, 32, values)));
        Assert.False(matrix.HasValuesOf(StoredMatrix.Over(1, 96, values)));
        Assert.False(matrix.HasValuesOf(StoredMatrix.Over(2, 32, values[..64])));
        values[^1] = MathF.BitIncrement(values[^1]);
        Assert.False(matrix.HasValuesOf(StoredMatrix.Over(3, 32, values)));
    }

    [Fact]
    public void HasValuesOf_MinusZero_EqualsZero() =>
        Assert.True(StoredMatrix.Over(1, 2, [0f, 1]).HasValuesOf(StoredMatrix.Over(1, 2, [-0f, 1])));

    [Theory]
    [MemberData(nameof(Formats))]
    public void IsZero_ZerosOfEitherSign_UntilTheLastValueIsNot(StorageFormat format)
    {
        var bytes = new byte[3 * (int)format.RowBytes(32)];
        fixed (byte* data = bytes)
        {
            var matrix = new StoredMatrix(format, 3, 32, data, bytes);
            Assert.True(matrix.IsZero());
            if (format == StorageFormat.Q80)
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(2 * StorageFormats.BlockBytes), (Half)1);
                Assert.True(matrix.IsZero()); // a scale of zeros
                bytes[^1] = 1;
            }
            else
            {
                Write(format, bytes, 5, -0f);
                Assert.True(matrix.IsZero());
                Write(format, bytes, 95, 1e-7f);
            }

            Assert.False(matrix.IsZero());
        }
    }

    private static void Write(StorageFormat format, Span<byte> target, int index, float value)
    {
        if (format == StorageFormat.F32) BitConverter.TryWriteBytes(target[(4 * index)..], value);
        else if (format == StorageFormat.F16) BitConverter.TryWriteBytes(target[(2 * index)..], (Half)value);
        else BitConverter.TryWriteBytes(target[(2 * index)..], (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)); // cut, not rounded
    }

    private delegate void Store(ReadOnlySpan<float> source, Span<byte> target);

    private static void AssertRoundTrip(StorageFormat format, int columns, Store store, Func<float, float> expected)
    {
        var source = Enumerable.Range(0, 3 * columns).Select(i => i < Exact.Length ? Exact[i] : (i * 0.37f) - 11).ToArray();
        var bytes = new byte[(source.Length * 2) + 1];
        store(source, bytes.AsSpan(1));
        fixed (byte* data = bytes)
        {
            var matrix = new StoredMatrix(format, 3, columns, data + 1, bytes);
            Assert.Equal(source.Select(expected), matrix.ToSingles());
        }
    }
}
