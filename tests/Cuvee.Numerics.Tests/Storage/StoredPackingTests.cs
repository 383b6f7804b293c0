namespace Cuvee.Numerics.Tests.Storage;

public class StoredPackingTests
{
    public static TheoryData<StorageFormat> Formats => [.. Enum.GetValues<StorageFormat>()];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Pack_EdgeSizesAndOddAddresses_IsThePackedTranspose(StorageFormat format)
    {
        var columns = format == StorageFormat.Q80 ? new[] { 32, 96, 160, 288 } : [1, 3, 15, 16, 17, 31, 33, 127, 128, 129, 257];
        foreach (var k in columns)
        {
            foreach (var rows in new[] { 1, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 65 })
            {
                var weight = StoredWeights.Gaussian(format, rows + 2, k, misalignment: 1);
                var widened = weight.ToSingles();
                var packed = new PackedMatrix();
                packed.Pack(weight, 1, rows);
                var expected = PackedMatrix.From(k, rows, widened.AsSpan(k), k, transpose: true);
                Assert.Equal((k, rows, expected.PanelCount), (packed.Rows, packed.Columns, packed.PanelCount));
                for (var i = 0; i < packed.PanelCount; i++) Assert.Equal(expected.Panel(i), packed.Panel(i));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void PackPanel_WeightWithFewerRowsThanThePanel_LeavesTheOtherColumnsZero(StorageFormat format)
    {
        const int k = 64;
        var weight = StoredWeights.Gaussian(format, 5, k);
        var packed = new PackedMatrix();
        packed.Reserve(k, 2 * PackedMatrix.PanelColumns);
        packed.Panel(1).Fill(float.NaN);
        packed.PackPanel(1, weight, 3);
        var panel = packed.Panel(1);
        var row = new float[k];
        for (var lane = 0; lane < PackedMatrix.PanelColumns; lane++)
        {
            if (lane < 2) weight.ReadRow(3 + lane, row);
            else row.AsSpan().Clear();
            for (var p = 0; p < k; p++) Assert.Equal(row[p], panel[(p * PackedMatrix.PanelColumns) + lane]);
        }
    }

    [Fact]
    public void Reserve_MoreThanAnArrayHolds_SaysSo()
    {
        var error = Assert.Throws<ArgumentException>(() => new PackedMatrix().Reserve(65_536, 65_536));
        Assert.StartsWith("A packed matrix [65536, 65536] takes 4294967312 floats", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pack_RowsBeyondTheWeight_AreRefused()
    {
        var weight = StoredWeights.Gaussian(StorageFormat.BF16, 4, 8);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix().Pack(weight, 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix().Pack(weight, int.MaxValue, 1));
        var packed = new PackedMatrix();
        packed.Reserve(9, 4);
        Assert.Throws<ArgumentException>(() => packed.PackPanel(0, weight, 0));
    }
}
