namespace Cuvee.Numerics.Tests;

/// <summary>Schoolbook products in double, the oracle of the decompositions.</summary>
internal static class DenseMatrix
{
    public static double[] Gaussian(SeededRandom random, int rows, int columns)
    {
        var a = new double[rows * columns];
        for (var i = 0; i < a.Length; i++) a[i] = random.NextGaussian();
        return a;
    }

    // [m, k] * [k, n]
    public static double[] Multiply(double[] a, double[] b, int m, int k, int n)
    {
        var c = new double[m * n];
        for (var i = 0; i < m; i++)
            for (var p = 0; p < k; p++)
                for (var j = 0; j < n; j++) c[(i * n) + j] += a[(i * k) + p] * b[(p * n) + j];
        return c;
    }

    public static double[] Transpose(double[] a, int m, int n)
    {
        var t = new double[a.Length];
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++) t[(j * m) + i] = a[(i * n) + j];
        return t;
    }

    public static double[] Diagonal(double[] values)
    {
        var d = new double[values.Length * values.Length];
        for (var i = 0; i < values.Length; i++) d[(i * values.Length) + i] = values[i];
        return d;
    }

    public static double LargestDifference(double[] a, double[] b)
    {
        Assert.Equal(a.Length, b.Length);
        return a.Zip(b, (x, y) => double.IsNaN(x - y) ? double.PositiveInfinity : Math.Abs(x - y)).DefaultIfEmpty(0).Max();
    }

    public static void AssertOrthonormalColumns(double[] q, int m, int n) => Assert.InRange(
        LargestDifference(Multiply(Transpose(q, m, n), q, n, m, n), Diagonal(Enumerable.Repeat(1.0, n).ToArray())), 0, 1e-13 * (m + 1));
}
