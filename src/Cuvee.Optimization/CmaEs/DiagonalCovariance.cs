
namespace Cuvee.Optimization.CmaEs;

/// <summary>Separable CMA-ES (Ros and Hansen, PPSN 2008): B = I, only the N variances are learnt.</summary>
internal sealed class DiagonalCovariance : ICovariance
{
    private readonly double[] variances; // [N]
    private readonly double[] axisLengths; // [N]

    public DiagonalCovariance(int dimension)
    {
        variances = new double[dimension];
        axisLengths = new double[dimension];
        variances.AsSpan().Fill(1);
        axisLengths.AsSpan().Fill(1);
    }

    public ReadOnlySpan<double> AxisLengths => axisLengths;

    public void Scale(ReadOnlySpan<double> z, Span<double> y)
    {
        for (var i = 0; i < z.Length; i++) y[i] = axisLengths[i] * z[i];
    }

    public void Rotate(ReadOnlySpan<double> z, Span<double> x) => z.CopyTo(x);

    public void Update(double decay, ReadOnlySpan<double> weights, ReadOnlySpan<double[]> vectors)
    {
        for (var i = 0; i < variances.Length; i++) variances[i] *= decay;
        for (var k = 0; k < vectors.Length; k++)
        {
            var vector = vectors[k];
            for (var i = 0; i < vector.Length; i++) variances[i] += weights[k] * vector[i] * vector[i];
        }

        // Negative weights are bounded for the trace, not for one coordinate: a single variance can still be driven to 0.
        for (var i = 0; i < variances.Length; i++) variances[i] = Math.Max(variances[i], 1e-2 * axisLengths[i] * axisLengths[i]);
    }

    public void Factorize()
    {
        for (var i = 0; i < variances.Length; i++) axisLengths[i] = Math.Sqrt(variances[i]);
    }

    public double Variance(int coordinate) => variances[coordinate];

    public void Axis(int axis, Span<double> direction)
    {
        direction.Clear();
        direction[axis] = 1;
    }
}
