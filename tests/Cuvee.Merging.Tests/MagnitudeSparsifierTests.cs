using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Sparsification;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class MagnitudeSparsifierTests
{
    [Theory]
    [InlineData(10, 0.25, 2)] // 2.5 rounds to even
    [InlineData(10, 0.35, 4)] // 3.5 rounds to even
    [InlineData(10, 0.01, 1)] // at least one
    [InlineData(10, 0, 0)]
    [InlineData(10, 1, 10)]
    [InlineData(3, 0.999, 3)]
    public void KeptCount_Fraction_RoundsHalfToEven(int count, double keepFraction, int expected) =>
        Assert.Equal(expected, MagnitudeSparsifier.KeptCount(count, keepFraction));

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void KeptCount_OutOfRange_Throws(double keepFraction) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MagnitudeSparsifier.KeptCount(4, keepFraction));

    [Fact]
    public void Threshold_Ties_AllStay()
    {
        float[] values = [0.5f, -2, 2, 1, -2, 0];
        var destination = new float[values.Length];
        MaskedKernels.ScaleKept(values, Sparsifier(values).Threshold(1.0 / 6), 1, destination);
        Assert.Equal([0, -2, 2, 0, -2, 0], destination);
    }

    [Fact]
    public void Threshold_ZeroAndOne_NothingAndIdentity()
    {
        float[] values = [0.5f, -2, 0];
        var destination = new float[values.Length];
        MaskedKernels.ScaleKept(values, Sparsifier(values).Threshold(0), 1, destination);
        Assert.Equal([0, 0, 0], destination);
        MaskedKernels.ScaleKept(values, Sparsifier(values).Threshold(1), 1, destination);
        Assert.Equal(values, destination);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(133)]
    public void Kernels_LaneEdges_EqualTwin(int count)
    {
        var random = new SeededRandom((ulong)count);
        var values = Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian()).ToArray();
        var start = Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian()).ToArray();
        foreach (var keep in new[] { 0, 0.3, 0.77, 1 })
        {
            var threshold = Sparsifier(values).Threshold(keep);
            var expected = ReferenceMerge.Sparsify(values, keep);
            var scaled = new float[count];
            MaskedKernels.ScaleKept(values, threshold, -1.5f, scaled);
            var added = start.ToArray();
            StoredSum.AddScaledKept(StoredMatrix.Over(1, count, values), 0, 1, threshold, -1.5f, added);
            for (var i = 0; i < count; i++)
            {
                Assert.Equal((float)(expected[i] * -1.5), scaled[i]);
                Assert.Equal((float)(start[i] + (expected[i] * -1.5)), added[i]); // fused: one rounding
            }
        }
    }

    [Theory]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F16)]
    public void Threshold_SixteenBitTensorFullOfTies_EqualsPlainSort(TensorType type)
    {
        const int rows = 60, columns = 70;
        var random = new SeededRandom(3);
        // A few dozen magnitudes for 4,200 entries, zeros among them.
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(_ => MathF.Round((float)random.NextGaussian() * 8) / 8)];
        var path = Path.GetTempFileName();
        try
        {
            SafetensorsWriter.Write(path, [new TensorData("t", [rows, columns], values)], type);
            using var reader = SafetensorsReader.Open(path);
            var stored = reader.Matrix("t");
            var sparsifier = new MagnitudeSparsifier(stored);
            var falling = values.Select(Math.Abs).OrderDescending().ToArray();
            for (var kept = 1; kept < values.Length; kept += 7)
                Assert.Equal(falling[kept - 1], sparsifier.Threshold((double)kept / values.Length));
            var expected = ReferenceMerge.Sparsify(values, 0.3);
            var row = new float[columns];
            for (var i = 0; i < rows; i++)
            {
                MaskedKernels.Keep(stored, i, sparsifier.Threshold(0.3), row);
                Assert.Equal(expected[(i * columns)..((i + 1) * columns)], row.Select(x => (double)x));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static MagnitudeSparsifier Sparsifier(float[] values) => new(StoredMatrix.Over(1, values.Length, values));
}
