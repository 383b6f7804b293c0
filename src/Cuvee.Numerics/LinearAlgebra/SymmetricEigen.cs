namespace Cuvee.Numerics;

/// <summary>
/// Eigendecomposition A = V diag(values) V^T of a dense symmetric matrix: Householder tridiagonalisation, then implicitly shifted QL
/// (Golub and Van Loan, section 8.3). The same input gives the same bits on every machine. Thread-safe.
/// </summary>
public static class SymmetricEigen
{
    private const int UsualSweepsPerValue = 15; // two or three are
    private const int MostSweepsPerValue = 60;
    private const double RoundingUnit = 1.1102230246251565e-16; // 2^-53

    /// <param name="a">[n, n] row-major, symmetric (only read; the upper triangle counts). Every element finite.</param>
    /// <param name="n">Order, at least 0.</param>
    /// <returns>
    /// <c>Values</c> [n] ascending; <c>Vectors</c> [n, n] row-major with the unit eigenvector of <c>Values[j]</c> in column j.
    /// </returns>
    /// <exception cref="ArgumentException">Too few elements, or one of them is NaN or infinite.</exception>
    /// <exception cref="ArithmeticException">QL did not converge (never seen on finite input).</exception>
    public static (double[] Values, double[] Vectors) Decompose(ReadOnlySpan<double> a, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        if (a.Length < (long)n * n)
            throw new ArgumentException($"A symmetric matrix of order {n} needs {(long)n * n} elements, not {a.Length}.");
        var work = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = i; j < n; j++)
            {
                var value = a[(i * n) + j];
                if (!double.IsFinite(value))
                    throw new ArgumentException($"Element [{i}, {j}] of the symmetric matrix is {value}; it must be finite.");
                work[(i * n) + j] = work[(j * n) + i] = value;
            }
        }

        var diagonal = new double[n];
        var offDiagonal = new double[n]; // [i] couples i and i + 1
        var rows = Tridiagonalize(work, n, diagonal, offDiagonal);
        DiagonalizeQl(n, diagonal, offDiagonal, rows);
        return Sorted(n, diagonal, rows);
    }

    // A = Q T Q^T; returns Q^T [n, n], whose rows the QL rotations then mix in place, contiguous in memory.
    private static double[] Tridiagonalize(double[] a, int n, double[] diagonal, double[] offDiagonal)
    {
        var taus = new double[n];
        var product = new double[n];
        for (var k = 0; k + 2 < n; k++)
        {
            diagonal[k] = a[(k * n) + k];
            var length = n - k - 1;
            var v = a.AsSpan((k * n) + k + 1, length); // row k right of the diagonal becomes the reflector
            (var tau, offDiagonal[k]) = Householder.Reflect(v);
            taus[k] = tau;
            if (tau == 0) continue;

            // A := H A H by w = tau A v - (tau^2 / 2)(v^T A v) v and A -= v w^T + w v^T.
            var w = product.AsSpan(0, length);
            for (var i = 0; i < length; i++) w[i] = tau * DoubleVectors.Dot(a.AsSpan(((k + 1 + i) * n) + k + 1, length), v);
            DoubleVectors.AddScaled(-0.5 * tau * DoubleVectors.Dot(w, v), v, w);
            for (var i = 0; i < length; i++) DoubleVectors.AddScaled(-v[i], w, -w[i], v, a.AsSpan(((k + 1 + i) * n) + k + 1, length));
        }

        if (n > 1)
        {
            diagonal[n - 2] = a[((n - 2) * n) + n - 2];
            offDiagonal[n - 2] = a[((n - 2) * n) + n - 1];
        }

        if (n > 0) diagonal[n - 1] = a[(n * n) - 1];

        // Q^T = H_last ... H_1 H_0, built from the left so that it grows from the lower right corner.
        var rows = new double[n * n];
        for (var i = 0; i < n; i++) rows[(i * n) + i] = 1;
        for (var k = n - 3; k >= 0; k--)
        {
            if (taus[k] == 0) continue;
            var v = a.AsSpan((k * n) + k + 1, n - k - 1);
            for (var i = k + 1; i < n; i++)
            {
                var row = rows.AsSpan((i * n) + k + 1, n - k - 1);
                DoubleVectors.AddScaled(-taus[k] * DoubleVectors.Dot(row, v), v, row);
            }
        }

        return rows;
    }

    private static void DiagonalizeQl(int n, double[] d, double[] e, double[] rows)
    {
        // Coupling counts as zero beside its own diagonal entries. Where half the spectrum is rounding (a Gram matrix of low rank) that can
        // go on for ever; from the first value that takes many sweeps, what rounding did to the whole matrix counts as zero.
        var norm = 0.0;
        for (var i = 0; i < n; i++) norm = Math.Max(norm, Math.Abs(d[i]) + Math.Abs(e[i]));
        var rounding = double.Epsilon;
        for (var l = 0; l < n; l++)
        {
            for (var sweep = 0; ; sweep++)
            {
                if (sweep == UsualSweepsPerValue) rounding = RoundingUnit * norm;
                var m = l;
                while (m + 1 < n && Math.Abs(e[m]) > RoundingUnit * (Math.Abs(d[m]) + Math.Abs(d[m + 1])) && Math.Abs(e[m]) > rounding)
                    m++;

                if (m == l) break;
                if (sweep == MostSweepsPerValue) throw new ArithmeticException($"QL did not converge on eigenvalue {l} of {n}.");
                Sweep(l, m, n, d, e, rows);
            }
        }
    }

    // One implicit QL sweep over the unreduced block l .. m, shifted by the eigenvalue of its leading 2 x 2 block nearer to d[l].
    private static void Sweep(int l, int m, int n, double[] d, double[] e, double[] rows)
    {
        var half = (d[l + 1] - d[l]) / (2 * e[l]);
        var root = Hypotenuse(half, 1);
        var g = d[m] - d[l] + (e[l] / (half + Math.CopySign(root, half)));
        double s = 1, c = 1, p = 0;
        for (var i = m - 1; i >= l; i--)
        {
            var f = s * e[i];
            var b = c * e[i];
            var r = Hypotenuse(f, g);
            if (i + 1 < m) e[i + 1] = r;
            if (r == 0)
            {
                d[i + 1] -= p; // the block has split by underflow
                e[m] = 0;
                return;
            }

            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            var t = ((d[i] - g) * s) + (2 * c * b);
            p = s * t;
            d[i + 1] = g + p;
            g = (c * t) - b;
            DoubleVectors.Rotate(c, s, rows.AsSpan(i * n, n), rows.AsSpan((i + 1) * n, n));
        }

        d[l] -= p;
        e[l] = g;
        e[m] = 0;
    }

    private static double Hypotenuse(double x, double y)
    {
        var squares = (x * x) + (y * y);
        return squares is > 1e-280 and < 1e280 ? Math.Sqrt(squares) : double.Hypot(x, y);
    }

    private static (double[] Values, double[] Vectors) Sorted(int n, double[] d, double[] rows)
    {
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        Array.Sort(order, (x, y) => d[x] != d[y] ? d[x].CompareTo(d[y]) : x.CompareTo(y));
        var values = new double[n];
        var vectors = new double[n * n];
        for (var j = 0; j < n; j++)
        {
            values[j] = d[order[j]];
            for (var i = 0; i < n; i++) vectors[(i * n) + j] = rows[(order[j] * n) + i];
        }

        return (values, vectors);
    }
}
