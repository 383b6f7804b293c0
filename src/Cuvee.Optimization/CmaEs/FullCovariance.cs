using Cuvee.Numerics;

namespace Cuvee.Optimization.CmaEs;

/// <summary>Dense C with a lazily refreshed eigendecomposition.</summary>
internal sealed class FullCovariance : ICovariance
{
    private readonly int n;
    private readonly double[] matrix; // C, [N, N], upper triangle valid
    private readonly double[] eigenvectors; // B', [N, N]: row k is eigenvector k
    private readonly double[] axisLengths; // D, [N]

    public FullCovariance(int dimension)
    {
        n = dimension;
        matrix = new double[n * n];
        eigenvectors = new double[n * n];
        axisLengths = new double[n];
        axisLengths.AsSpan().Fill(1);
        for (var i = 0; i < n; i++) matrix[(i * n) + i] = eigenvectors[(i * n) + i] = 1;
    }

    public ReadOnlySpan<double> AxisLengths => axisLengths;

    public void Scale(ReadOnlySpan<double> z, Span<double> y)
    {
        y.Clear();
        for (var k = 0; k < n; k++) DoubleVectors.AddScaled(axisLengths[k] * z[k], eigenvectors.AsSpan(k * n, n), y);
    }

    public void Rotate(ReadOnlySpan<double> z, Span<double> x)
    {
        x.Clear();
        for (var k = 0; k < n; k++) DoubleVectors.AddScaled(z[k], eigenvectors.AsSpan(k * n, n), x);
    }

    public void Update(double decay, ReadOnlySpan<double> weights, ReadOnlySpan<double[]> vectors)
    {
        for (var i = 0; i < n; i++)
        {
            var row = matrix.AsSpan((i * n) + i, n - i);
            DoubleVectors.Scale(decay, row);
            for (var k = 0; k < vectors.Length; k++) DoubleVectors.AddScaled(weights[k] * vectors[k][i], vectors[k].AsSpan(i), row);
        }
    }

    public void Factorize()
    {
        var (eigenvalues, columns) = SymmetricEigen.Decompose(matrix, n);
        // Rounding can leave the smallest eigenvalue of a nearly singular C at or below 0; tolconditioncov stops the run long before
        // that matters.
        var floor = 1e-18 * eigenvalues[^1];
        for (var k = 0; k < n; k++)
        {
            axisLengths[k] = Math.Sqrt(Math.Max(eigenvalues[k], floor));
            for (var i = 0; i < n; i++) eigenvectors[(k * n) + i] = columns[(i * n) + k];
        }
    }

    public double Variance(int coordinate) => matrix[(coordinate * n) + coordinate];

    public void Axis(int axis, Span<double> direction) => eigenvectors.AsSpan(axis * n, n).CopyTo(direction);
}
