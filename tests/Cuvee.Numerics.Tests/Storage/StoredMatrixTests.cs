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
