using Cuvee.Numerics;

namespace Cuvee.Optimization.Tests.CmaEs;

/// <summary>Standard test functions of continuous optimisation; minimum 0.</summary>
internal static class BenchmarkFunctions
{
    public static double Sphere(double[] x) => x.Sum(value => value * value);

    /// <summary>sum_i 10^(6 i / (N - 1)) x_i^2.</summary>
    public static double Ellipsoid(double[] x)
    {
        double sum = 0;
        for (var i = 0; i < x.Length; i++) sum += Math.Pow(1e6, i / (x.Length - 1.0)) * x[i] * x[i];
        return sum;
    }

    public static double Rosenbrock(double[] x)
    {
        double sum = 0;
        for (var i = 0; i < x.Length - 1; i++)
            sum += (100 * Math.Pow((x[i] * x[i]) - x[i + 1], 2)) + Math.Pow(1 - x[i], 2);
        return sum;
    }

    /// <summary>The ellipsoid in a random orthonormal basis (Gram-Schmidt on Gaussian vectors).</summary>
    public static Func<double[], double> RotatedEllipsoid(int dimension, ulong seed)
    {
        var random = new SeededRandom(seed);
        var basis = new double[dimension][];
        var scales = new double[dimension];
        for (var i = 0; i < dimension; i++)
        {
            basis[i] = [.. Enumerable.Range(0, dimension).Select(_ => random.NextGaussian())];
            for (var pass = 0; pass < 2; pass++) // twice is enough (Kahan) for orthogonality to rounding
            {
                for (var j = 0; j < i; j++)
                {
                    var overlap = Dot(basis[i], basis[j]);
                    for (var k = 0; k < dimension; k++) basis[i][k] -= overlap * basis[j][k];
                }
            }

            var norm = Math.Sqrt(Dot(basis[i], basis[i]));
            for (var k = 0; k < dimension; k++) basis[i][k] /= norm;
            scales[i] = Math.Pow(1e6, i / (dimension - 1.0));
        }

        return x =>
        {
            double sum = 0;
            for (var i = 0; i < dimension; i++)
            {
                var projection = Dot(basis[i], x);
                sum += scales[i] * projection * projection;
            }

            return sum;
        };
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
