namespace Cuvee.Numerics.Tests;

public class ThinSvdTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(6, 1)]
    [InlineData(1, 6)]
    [InlineData(20, 9)]
    [InlineData(9, 20)]
    [InlineData(48, 48)]
    public void Decompose_Random_RebuildsTheMatrix(int m, int n)
    {
        var a = DenseMatrix.Gaussian(new SeededRandom((ulong)(m + (100 * n))), m, n);
        AssertDecomposes(a, m, n);
    }

    [Fact]
    public void Decompose_LowRank_HasExactlyThatManyValues()
    {
        var random = new SeededRandom(5);
        var a = DenseMatrix.Multiply(DenseMatrix.Gaussian(random, 30, 4), DenseMatrix.Gaussian(random, 4, 22), 30, 4, 22);
        var s = AssertDecomposes(a, 30, 22);
        Assert.All(s[..4], value => Assert.InRange(value, 0.1, 1000));
        Assert.All(s[4..], value => Assert.InRange(value, 0, 1e-13));
    }

    [Fact]
    public void Decompose_Zero_StaysOrthonormal() => Assert.All(AssertDecomposes(new double[12], 4, 3), value => Assert.Equal(0.0, value));

    [Fact]
    public void Decompose_GradedDiagonal_KeepsSmallValuesRelative()
    {
        double[] spectrum = [1, 1e-10, 1e-20, 1e-40];
        var (_, s, _) = ThinSvd.Decompose(DenseMatrix.Diagonal(spectrum), 4, 4);
        for (var i = 0; i < 4; i++) Assert.Equal(1.0, s[i] / spectrum[i], 1e-14);
    }

    [Fact]
    public void Decompose_Hilbert4_HasTheKnownSpectrum()
    {
        var hilbert = Enumerable.Range(0, 16).Select(i => 1.0 / ((i / 4) + (i % 4) + 1)).ToArray();
        var (_, s, _) = ThinSvd.Decompose(hilbert, 4, 4);
        double[] known = [1.5002142800592426, 0.16914122022144997, 0.0067382736057607, 0.00009670230402258];
        for (var i = 0; i < 4; i++) Assert.Equal(known[i], s[i], 1e-14);
    }

    private static double[] AssertDecomposes(double[] a, int m, int n)
    {
        var (u, s, vt) = ThinSvd.Decompose(a, m, n);
        var rank = Math.Min(m, n);
        Assert.Equal(rank, s.Length);
        Assert.Equal(s.OrderDescending(), s);
        DenseMatrix.AssertOrthonormalColumns(u, m, rank);
        DenseMatrix.AssertOrthonormalColumns(DenseMatrix.Transpose(vt, rank, n), n, rank);
        var rebuilt = DenseMatrix.Multiply(DenseMatrix.Multiply(u, DenseMatrix.Diagonal(s), m, rank, rank), vt, m, rank, n);
        Assert.InRange(DenseMatrix.LargestDifference(a, rebuilt), 0, 1e-12);
        return s;
    }
}
