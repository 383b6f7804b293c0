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

    [Theory]
    [MemberData(nameof(Formats))]
    public void Weighted_SourcesOfOneFormatOrSeveral_IsTheSumAddedOneByOne(StorageFormat format)
    {
        foreach (var columns in format == StorageFormat.Q80 ? new[] { 32, 96 } : [1, 15, 17, 32, 70])
        {
            var own = Enumerable.Range(0, 3).Select(seed => StoredWeights.Gaussian(format, 4, columns, seed: (ulong)seed)).ToArray();
            StoredMatrix[] many = [.. Enumerable.Range(0, 70).Select(i => own[i % own.Length])]; // more than are added at once
            StoredMatrix[] mixed = [own[0], StoredWeights.Gaussian(StorageFormat.F32, 4, columns)];
            foreach (var sources in (StoredMatrix[][])[own[..1], own, mixed, many])
            {
                float[] weights = [.. sources.Select((_, i) => (0.4f * (i % 5)) - 0.7f)];
                var expected = new float[2 * columns];
                for (var i = 0; i < sources.Length; i++) StoredSum.AddScaledKept(sources[i], 1, 2, 0, weights[i], expected);
                var sum = Rows.Gaussian((2 * columns) + 1, 2);
                var beyond = sum[^1];
                StoredSum.Weighted(sources, weights, 1, 2, sum);
                Assert.Equal([.. expected, beyond], sum);
            }
        }
    }

    [Fact]
    public void Weighted_OtherShapesOrCounts_Throws()
    {
        var (a, b) = (StoredWeights.Gaussian(StorageFormat.BF16, 2, 8), StoredWeights.Gaussian(StorageFormat.BF16, 2, 9));
        Assert.Throws<ArgumentException>(() => StoredSum.Weighted([a, b], [1, 1], 0, 2, new float[18]));
        Assert.Throws<ArgumentException>(() => StoredSum.Weighted([a], [1, 1], 0, 2, new float[16]));
        Assert.Throws<ArgumentException>(() => StoredSum.Weighted([], [], 0, 0, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.Weighted([a], [1], 1, 2, new float[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.Weighted([a], [1], 0, 2, new float[15]));
    }

    [Fact]
    public void AddScaledKept_SumTooShort_Throws()
    {
        var source = StoredWeights.Gaussian(StorageFormat.BF16, 2, 8);
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.AddScaledKept(source, 0, 2, 0, 1, new float[15]));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredSum.AddScaledKept(source, 1, 2, 0, 1, new float[16]));
    }
}
