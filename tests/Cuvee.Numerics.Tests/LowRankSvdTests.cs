namespace Cuvee.Numerics.Tests;

public class LowRankSvdTests
{
    [Theory]
    [InlineData(30, 22, 4)]
    [InlineData(22, 30, 4)]
    [InlineData(9, 20, 9)]
    [InlineData(20, 9, 9)]
    [InlineData(6, 1, 1)]
    [InlineData(1, 6, 1)]
    public void Decompose_LowRank_EqualsThinSvd(int m, int n, int rank)
    {
        var random = new SeededRandom((ulong)(m + n));
        var product = DenseMatrix.Multiply(DenseMatrix.Gaussian(random, m, rank), DenseMatrix.Gaussian(random, rank, n), m, rank, n);
        var rounded = Array.ConvertAll(product, x => (float)x);
        var a = Array.ConvertAll(rounded, x => (double)x);
        var (u, s, vt) = LowRankSvd.Decompose(rounded, m, n, 1e-6);
        var (_, expected, _) = ThinSvd.Decompose(a, m, n);
        Assert.Equal(rank, s.Length);
        for (var k = 0; k < rank; k++) Assert.Equal(1, s[k] / expected[k], 1e-6);
        DenseMatrix.AssertOrthonormalColumns(u, m, rank);
        DenseMatrix.AssertOrthonormalColumns(DenseMatrix.Transpose(vt, rank, n), n, rank);
        var rebuilt = DenseMatrix.Multiply(DenseMatrix.Multiply(u, DenseMatrix.Diagonal(s), m, rank, rank), vt, m, rank, n);
        Assert.InRange(DenseMatrix.LargestDifference(a, rebuilt), 0, 1e-6 * s[0]);
    }

    [Fact]
    public void Decompose_GradedDiagonal_LeavesOutWhatIsNegligible()
    {
        float[] a = [1, 0, 0, 0, 1e-3f, 0, 0, 0, 1e-5f];
        Assert.Equal(3, LowRankSvd.Decompose(a, 3, 3, 1e-6).S.Length);
        Assert.Equal([1, 1e-3f], LowRankSvd.Decompose(a, 3, 3, 1e-4).S);
    }

    [Fact]
    public void Decompose_Zero_HasNoComponent()
    {
        var (u, s, vt) = LowRankSvd.Decompose(new float[12], 4, 3, 1e-6);
        Assert.Equal((0, 0, 0), (u.Length, s.Length, vt.Length));
    }

    [Fact]
    public void Decompose_NaNOrTooFew_Refused()
    {
        Assert.Throws<ArgumentException>(() => LowRankSvd.Decompose([1, float.NaN], 1, 2, 1e-6));
        Assert.Throws<ArgumentException>(() => LowRankSvd.Decompose(new float[5], 2, 3, 1e-6));
    }
}
