namespace Cuvee.Numerics.Tests.Storage;

public class StoredSumTests
{
    public static TheoryData<StorageFormat> Formats => [.. Enum.GetValues<StorageFormat>()];

    [Theory]
    [MemberData(nameof(Formats))]
    public void AddScaledKept_EdgeSizesAndOddAddresses_IsOneFusedMultiplyAddPerEntry(StorageFormat format)
    {
        var widths = format == StorageFormat.Q80 ? new[] { 32, 96 } : [1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 70];
        foreach (var columns in widths)
        {
            foreach (var count in new[] { 0, 1, 2, 5 })
            {
                var source = StoredWeights.Gaussian(format, count + 2, columns, misalignment: 1);
                var start = Rows.Gaussian((count * columns) + 1, 2);
                foreach (var threshold in new[] { 0, 0.5f, float.PositiveInfinity })
                {
                    var sum = start.ToArray();
                    StoredSum.AddScaledKept(source, 1, count, threshold, -1.5f, sum);
                    var x = source.ToSingles().AsSpan(columns, count * columns).ToArray();
                    float[] expected = [.. x.Select((value, i) =>
                        (float)((Math.Abs(value) >= threshold ? -1.5 * value : 0) + start[i])), start[^1]];
                    Assert.Equal(expected, sum); // in double product and sum are exact enough to be rounded once
                }
            }
        }
    }

    [Fact]
    public void AddScaledKept_SumTooShort_Throws()
    {
        var source = StoredWeights.Gaussian(StorageFormat.BF16, 2, 8);
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.AddScaledKept(source, 0, 2, 0, 1, new float[15]));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.AddScaledKept(source, 1, 2, 0, 1, new float[16]));
    }
}
