using Cuvee.Numerics;
using Cuvee.Optimization.CmaEs;

namespace Cuvee.Optimization.Tests.CmaEs;

public sealed class TridiagonalEigenSolverTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(40)]
    [InlineData(129)]
    public void Solve_RandomSymmetric_ReconstructsWithOrthonormalVectors(int n)
    {
        var random = new SeededRandom((ulong)n);
        var matrix = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++) matrix[(i * n) + j] = matrix[(j * n) + i] = random.NextGaussian();
        }

        AssertDecomposition(matrix, n, 1e-12 * n);
    }

    [Fact]
    public void Solve_DegenerateAndGradedMatrices_Reconstructs()
    {
        var graded = new double[8 * 8];
        for (var i = 0; i < 8; i++) graded[(i * 8) + i] = Math.Pow(10, -2 * i);
        AssertDecomposition(graded, 8, 1e-15);
        AssertDecomposition(new double[25], 5, 0);
        AssertDecomposition(Enumerable.Repeat(1.0, 49).ToArray(), 7, 1e-14); // rank one
    }

    [Fact]
    public void Solve_SecondDifferenceMatrix_KnownEigenvalues()
    {
        const int n = 12;
        var matrix = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            matrix[(i * n) + i] = 2;
            if (i > 0) matrix[(i * n) + i - 1] = matrix[((i - 1) * n) + i] = -1;
        }

        var values = new double[n];
        TridiagonalEigenSolver.Solve(matrix, values, new double[n * n]);
        Array.Sort(values);
        for (var k = 0; k < n; k++) Assert.Equal(2 - (2 * Math.Cos((k + 1) * Math.PI / (n + 1))), values[k], 13);
    }

    [Fact]
    public void Solve_NotANumber_Throws()
    {
        var matrix = new[] { 1, 0.5, 0.1, 0.5, double.NaN, 0.2, 0.1, 0.2, 1 };
        Assert.Throws<ArithmeticException>(() => TridiagonalEigenSolver.Solve(matrix, new double[3], new double[9]));
    }

    private static void AssertDecomposition(double[] matrix, int n, double tolerance)
    {
        var values = new double[n];
        var vectors = new double[n * n];
        TridiagonalEigenSolver.Solve(matrix, values, vectors);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                double reconstructed = 0, product = 0;
                for (var k = 0; k < n; k++)
                {
                    reconstructed += vectors[(k * n) + i] * values[k] * vectors[(k * n) + j];
                    product += vectors[(i * n) + k] * vectors[(j * n) + k];
                }

                Assert.InRange(reconstructed - matrix[(i * n) + j], -tolerance, tolerance);
                Assert.InRange(product - (i == j ? 1 : 0), -1e-13 * n, 1e-13 * n);
            }
        }
    }
}
