namespace Cuvee.Numerics.Tests.Storage;

public class StoredProductTests
{
    public static TheoryData<StorageFormat> Formats => [.. Enum.GetValues<StorageFormat>()];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Multiply_EdgeSizesAndOddAddresses_MatchesDoubles(StorageFormat format)
    {
        var depths = format == StorageFormat.Q80 ? new[] { 32, 64, 96, 1056 } : [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65, 1023, 1057];
        foreach (var k in depths)
        {
            foreach (var rows in new[] { 1, 2, 3, 4, 5, 8, 19 })
            {
                var weight = StoredWeights.Gaussian(format, rows + 2, k, misalignment: 1);
                foreach (var m in new[] { 1, 2, 3, 4, 5, 7 }) AssertMatchesDoubles(m, k, rows, weight);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Multiply_AnyNumberOfRowsOfX_HasTheSameBits(StorageFormat format)
    {
        const int rows = 21, largest = 33;
        var k = format == StorageFormat.Q80 ? 1088 : 1085; // more than a chunk, and a rest
        var weight = StoredWeights.Gaussian(format, rows, k, misalignment: 1);
        var (ldx, ldy) = (k + 3, rows + 2);
        var x = Rows.Gaussian(largest * ldx, 2);
        var alone = new float[largest * ldy];
        for (var i = 0; i < largest; i++)
            StoredProduct.Multiply(1, x.AsSpan(i * ldx), ldx, weight, 0, rows, alone.AsSpan(i * ldy), ldy);
        for (var m = 2; m <= largest; m++)
        {
            var y = new float[largest * ldy];
            StoredProduct.Multiply(m, x, ldx, weight, 0, rows, y, ldy);
            Assert.Equal(alone[..(m * ldy)], y[..(m * ldy)]);
            Assert.All(y[(m * ldy)..], value => Assert.Equal(0, value));
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Multiply_RowsOfTheWeightSplitAnywhere_HasTheSameBits(StorageFormat format)
    {
        const int rows = 23, k = 96;
        var weight = StoredWeights.Gaussian(format, rows, k);
        foreach (var m in new[] { 1, 6 })
        {
            var (x, whole) = (Rows.Gaussian(m * k, 2), new float[m * rows]);
            StoredProduct.Multiply(m, x, k, weight, 0, rows, whole, rows);
            for (var cut = 0; cut <= rows; cut++)
            {
                var parts = new float[m * rows];
                StoredProduct.Multiply(m, x, k, weight, 0, cut, parts, rows);
                if (cut < rows) StoredProduct.Multiply(m, x, k, weight, cut, rows - cut, parts.AsSpan(cut), rows);
                Assert.Equal(whole, parts);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void MultiplyParallel_AnyNumberOfThreads_HasTheSameBits(StorageFormat format)
    {
        const int rows = 1003, k = 320;
        var weight = StoredWeights.Gaussian(format, rows + 5, k);
        foreach (var m in new[] { 1, 16 })
        {
            var x = Rows.Gaussian(m * k, 2);
            var expected = new float[m * rows];
            StoredProduct.Multiply(m, x, k, weight, 5, rows, expected, rows);
            foreach (var threads in new[] { 1, 2, 3, 7 })
            {
                using var team = new ThreadTeam(threads);
                var y = new float[m * rows];
                StoredProduct.MultiplyParallel(team, m, x, k, weight, 5, rows, y, rows);
                Assert.Equal(expected, y);
            }
        }
    }

    [Fact]
    public void Multiply_SpecialHalves_AreWidenedAsTheyAre()
    {
        foreach (var bits in new ushort[] { 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E01 })
        {
            var half = BitConverter.UInt16BitsToHalf(bits);
            var weight = StoredWeights.Constant(half, 64);
            var (x, y) = (new float[64], new float[1]);
            for (var i = 0; i < 64; i += 16)
            {
                x.AsSpan().Clear();
                x[i] = 1;
                if (!Half.IsFinite(half)) x.AsSpan().Fill(1); // infinity times zero would be NaN
                StoredProduct.Multiply(1, x, 64, weight, 0, 1, y, 1);
                Assert.Equal((float)half, y[0]);
            }
        }
    }

    [Fact]
    public void Multiply_NoColumns_IsZero()
    {
        var y = new[] { float.NaN, float.NaN };
        StoredProduct.Multiply(1, [], 0, StoredWeights.Gaussian(StorageFormat.BF16, 2, 0), 0, 2, y, 2);
        Assert.Equal([0f, 0f], y);
    }

    [Fact]
    public void MultiplyParallel_SteadyState_AllocatesNothing()
    {
        using var team = new ThreadTeam(2);
        var weight = StoredWeights.Gaussian(StorageFormat.BF16, 1024, 256);
        var (x, y) = (new float[256], new float[1024]);
        StoredProduct.MultiplyParallel(team, 1, x, 256, weight, 0, 1024, y, 1024);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) StoredProduct.MultiplyParallel(team, 1, x, 256, weight, 0, 1024, y, 1024);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Multiply_WrongShapes_AreRefused()
    {
        var weight = StoredWeights.Gaussian(StorageFormat.BF16, 4, 8);
        var error = Assert.Throws<ArgumentException>(() => StoredProduct.Multiply(2, new float[15], 8, weight, 0, 4, new float[8], 4));
        Assert.StartsWith("x holds 15 floats, too few for [2, 8]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => StoredProduct.Multiply(2, new float[16], 8, weight, 0, 4, new float[7], 4));
        Assert.Throws<ArgumentException>(() => StoredProduct.Multiply(1, new float[16], 7, weight, 0, 4, new float[8], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredProduct.Multiply(1, new float[8], 8, weight, 2, 3, new float[4], 4));
    }

    private static void AssertMatchesDoubles(int m, int k, int rows, StoredMatrix weight)
    {
        const int firstRow = 2;
        var (ldx, ldy) = (k + 1, rows + 3);
        var x = Rows.Gaussian(m * ldx, 2);
        var y = Enumerable.Repeat(float.NaN, m * ldy).ToArray();
        StoredProduct.Multiply(m, x.AsSpan(0, ((m - 1) * ldx) + k), ldx, weight, firstRow, rows, y.AsSpan(0, ((m - 1) * ldy) + rows), ldy);
        var widened = new float[k];
        for (var row = 0; row < rows; row++)
        {
            weight.ReadRow(firstRow + row, widened);
            for (var i = 0; i < m; i++)
            {
                double exact = 0, squares = 0;
                for (var p = 0; p < k; p++)
                {
                    var term = (double)x[(i * ldx) + p] * widened[p];
                    exact += term;
                    squares += term * term;
                }

                var tolerance = 3e-7 * Math.Sqrt((k + 1) * squares);
                Assert.InRange(y[(i * ldy) + row] - exact, -tolerance, tolerance);
            }
        }

        for (var i = 0; i < m; i++) Assert.All(y.AsSpan((i * ldy) + rows, 3).ToArray(), value => Assert.Equal(float.NaN, value));
    }
}
