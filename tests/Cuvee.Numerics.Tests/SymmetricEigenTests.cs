namespace Cuvee.Numerics.Tests;

public class SymmetricEigenTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(33)]
    [InlineData(100)]
    public void Decompose_RandomSymmetric_RebuildsTheMatrix(int n)
    {
        var g = DenseMatrix.Gaussian(new SeededRandom((ulong)n), n, n);
        var a = g.Zip(DenseMatrix.Transpose(g, n, n), (x, y) => x + y).ToArray();
        AssertDecomposes(a, n, 1e-12);
    }

    [Fact]
    public void Decompose_SecondDifferences_HasTheKnownSpectrum()
    {
        const int n = 50; // tridiagonal (-1, 2, -1): eigenvalues 2 - 2 cos(pi j / (n + 1))
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            a[(i * n) + i] = 2;
            if (i > 0) a[(i * n) + i - 1] = a[((i - 1) * n) + i] = -1;
        }

        var (values, _) = SymmetricEigen.Decompose(a, n);
        for (var j = 1; j <= n; j++) Assert.Equal(2 - (2 * Math.Cos(Math.PI * j / (n + 1))), values[j - 1], 1e-13);
    }

    [Fact]
    public void Decompose_RepeatedEigenvalues_StaysOrthonormal()
    {
        const int n = 40; // rank one plus identity: one eigenvalue n + 1, the others 1
        var a = Enumerable.Range(0, n * n).Select(i => i / n == i % n ? 2.0 : 1.0).ToArray();
        var values = AssertDecomposes(a, n, 1e-12);
        Assert.Equal(n + 1.0, values[^1], 1e-12);
        Assert.All(values[..^1], value => Assert.Equal(1.0, value, 1e-12));
    }

    [Theory]
    [InlineData(96, 12)]
    [InlineData(192, 24)]
    [InlineData(192, 80)]
    public void Decompose_GramMatrixOfLowRank_RebuildsTheMatrix(int n, int rank)
    {
        const int Columns = 300;
        for (var seed = 1ul; seed <= 4; seed++)
        {
            var random = new SeededRandom(seed);
            var (left, right) = (DenseMatrix.Gaussian(random, n, rank), DenseMatrix.Gaussian(random, rank, Columns));
            var product = DenseMatrix.Multiply(left, right, n, rank, Columns);
            var gram = GramMatrix.Of(product, n, Columns);
            var largest = gram.Max(Math.Abs);
            var values = AssertDecomposes([.. gram.Select(x => x / largest)], n, 1e-12);
            Assert.All(values[..(n - rank)], value => Assert.InRange(value, -1e-12, 1e-12));
            Assert.All(values[(n - rank)..], value => Assert.InRange(value, 1e-3, n));
        }
    }

    [Fact]
    public void Decompose_AlreadyDiagonal_SortsExactly()
    {
        var (values, vectors) = SymmetricEigen.Decompose(DenseMatrix.Diagonal([3, -1, 0, 2]), 4);
        Assert.Equal([-1.0, 0, 2, 3], values);
        DenseMatrix.AssertOrthonormalColumns(vectors, 4, 4);
    }

    [Theory]
    [InlineData(1e-150)]
    [InlineData(1e150)]
    public void Decompose_ExtremeScale_ScalesTheValues(double scale)
    {
        const int n = 20;
        var g = DenseMatrix.Gaussian(new SeededRandom(9), n, n);
        var a = g.Zip(DenseMatrix.Transpose(g, n, n), (x, y) => x + y).ToArray();
        var expected = SymmetricEigen.Decompose(a, n).Values;
        var (values, vectors) = SymmetricEigen.Decompose(a.Select(x => x * scale).ToArray(), n);
        for (var i = 0; i < n; i++) Assert.Equal(expected[i], values[i] / scale, 1e-11);
        DenseMatrix.AssertOrthonormalColumns(vectors, n, n);
    }

    [Fact]
    public void Decompose_GradedCovariance_KeepsTheLargeEnd()
    {
        const int n = 30; // as CMA-ES meets it: condition number 1e12
        var (q, _) = ThinQr.Decompose(DenseMatrix.Gaussian(new SeededRandom(11), n, n), n, n);
        var spectrum = Enumerable.Range(0, n).Select(i => Math.Pow(10, 12.0 * i / (n - 1))).ToArray();
        var a = DenseMatrix.Multiply(
            DenseMatrix.Multiply(q, DenseMatrix.Diagonal(spectrum), n, n, n), DenseMatrix.Transpose(q, n, n), n, n, n);
        var (values, vectors) = SymmetricEigen.Decompose(a, n);
        for (var i = 0; i < n; i++) Assert.Equal(spectrum[i], values[i], 1e12 * 1e-14);
        DenseMatrix.AssertOrthonormalColumns(vectors, n, n);
    }

    [Fact]
    public void Decompose_NotANumber_Refuses()
    {
        var error = Assert.Throws<ArgumentException>(() => SymmetricEigen.Decompose([1, double.NaN, 0, 1], 2));
        Assert.Contains("[0, 1]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Decompose(new double[3], 2));
    }

    private static double[] AssertDecomposes(double[] a, int n, double tolerance)
    {
        var (values, vectors) = SymmetricEigen.Decompose(a, n);
        Assert.Equal(values.Order(), values);
        DenseMatrix.AssertOrthonormalColumns(vectors, n, n);
        var rebuilt = DenseMatrix.Multiply(
            DenseMatrix.Multiply(vectors, DenseMatrix.Diagonal(values), n, n, n), DenseMatrix.Transpose(vectors, n, n), n, n, n);
        Assert.InRange(DenseMatrix.LargestDifference(a, rebuilt), 0, tolerance * Math.Max(1, a.DefaultIfEmpty(0).Max(Math.Abs)));
        return values;
    }
}
