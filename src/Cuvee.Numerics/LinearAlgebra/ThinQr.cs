namespace Cuvee.Numerics;

/// <summary>
/// A = Q R by Householder reflections: Q [m, r] with orthonormal columns and R [r, n] upper trapezoidal, r = min(m, n). Rank-deficient
/// input gives zeros on R's diagonal and still an orthonormal Q. The same bits on every machine. Thread-safe.
/// </summary>
public static class ThinQr
{
    /// <param name="a">[m, n] row-major, only read.</param>
    public static (double[] Q, double[] R) Decompose(ReadOnlySpan<double> a, int m, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        if (a.Length < (long)m * n) throw new ArgumentException($"A matrix [{m}, {n}] needs {(long)m * n} elements, not {a.Length}.");
        var rank = Math.Min(m, n);
        var columns = new double[n * m]; // A^T [n, m]: every column contiguous
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++) columns[(j * m) + i] = a[(i * n) + j];

        var r = new double[rank * n];
        var taus = new double[rank];
        for (var k = 0; k < rank; k++)
        {
            var v = columns.AsSpan((k * m) + k, m - k);
            (taus[k], r[(k * n) + k]) = Householder.Reflect(v);
            for (var j = k + 1; j < n; j++)
            {
                var column = columns.AsSpan((j * m) + k, m - k);
                if (taus[k] != 0) DoubleVectors.AddScaled(-taus[k] * DoubleVectors.Dot(v, column), v, column);
                r[(k * n) + j] = column[0];
            }
        }

        // Q = H_0 H_1 ... applied to the first columns of the identity, last reflector first.
        var q = new double[m * rank];
        var unit = new double[m];
        for (var j = 0; j < rank; j++)
        {
            Array.Clear(unit);
            unit[j] = 1;
            for (var k = j; k >= 0; k--) // H_k with k > j leaves e_j alone
            {
                var v = columns.AsSpan((k * m) + k, m - k);
                var tail = unit.AsSpan(k);
                if (taus[k] != 0) DoubleVectors.AddScaled(-taus[k] * DoubleVectors.Dot(v, tail), v, tail);
            }

            for (var i = 0; i < m; i++) q[(i * rank) + j] = unit[i];
        }

        return (q, r);
    }
}
