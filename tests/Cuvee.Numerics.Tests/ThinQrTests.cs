namespace Cuvee.Numerics.Tests;

public class ThinQrTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(5, 1)]
    [InlineData(1, 5)]
    [InlineData(17, 9)]
    [InlineData(9, 17)]
    [InlineData(64, 64)]
    public void Decompose_Random_RebuildsTheMatrix(int m, int n)
    {
        var a = DenseMatrix.Gaussian(new SeededRandom((ulong)(m + (100 * n))), m, n);
        var (q, r) = ThinQr.Decompose(a, m, n);
        var rank = Math.Min(m, n);
        DenseMatrix.AssertOrthonormalColumns(q, m, rank);
        for (var i = 0; i < rank; i++)
            for (var j = 0; j < Math.Min(i, n); j++) Assert.Equal(0.0, r[(i * n) + j]);
        Assert.InRange(DenseMatrix.LargestDifference(a, DenseMatrix.Multiply(q, r, m, rank, n)), 0, 1e-13);
    }

    [Fact]
    public void Decompose_DependentColumns_KeepsQOrthonormal()
    {
        var a = new double[6 * 3];
        for (var i = 0; i < 6; i++) (a[i * 3], a[(i * 3) + 2]) = (i + 1, 2 * (i + 1)); // the middle column is zero
        var (q, r) = ThinQr.Decompose(a, 6, 3);
        DenseMatrix.AssertOrthonormalColumns(q, 6, 3);
        Assert.InRange(DenseMatrix.LargestDifference(a, DenseMatrix.Multiply(q, r, 6, 3, 3)), 0, 1e-13);
    }
}
