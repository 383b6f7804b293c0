namespace Cuvee.Numerics;

/// <summary>
/// A = U diag(s) V^T of a small dense matrix: Householder QR, then one-sided Jacobi on R (Drmac and Veselic 2008, without their pivoting).
/// Singular values are accurate relative to each other, not only to the largest. The same bits on every machine. Thread-safe.
/// </summary>
public static class ThinSvd
{
    private const int MostSweeps = 60;

    // Squares below it, of a matrix scaled to elements near 1, count as zero: quotients of such squares would overflow.
    private const double Vanishing = 1e-260;

    /// <param name="a">[m, n] row-major, only read. Every element finite.</param>
    /// <returns>
    /// With r = min(m, n): <c>U</c> [m, r] and <c>Vt</c> [r, n] row-major, orthonormal columns and rows even for zero singular values;
    /// <c>S</c> [r] descending.
    /// </returns>
    /// <exception cref="ArgumentException">Too few elements, or one of them is NaN or infinite.</exception>
    public static (double[] U, double[] S, double[] Vt) Decompose(ReadOnlySpan<double> a, int m, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        if (a.Length < (long)m * n) throw new ArgumentException($"A matrix [{m}, {n}] needs {(long)m * n} elements, not {a.Length}.");
        foreach (var value in a[..(m * n)])
            if (!double.IsFinite(value)) throw new ArgumentException($"A matrix [{m}, {n}] holds {value}; every element must be finite.");
        if (m >= n) return DecomposeTall(a, m, n);
        var (u, s, vt) = DecomposeTall(Transposed(a, m, n), n, m);
        return (Transposed(vt, m, m), s, Transposed(u, n, m));
    }

    private static (double[] U, double[] S, double[] Vt) DecomposeTall(ReadOnlySpan<double> a, int m, int n)
    {
        // R = W diag(s) V^T: rotations from the left make the rows of R orthogonal, W^T collects them.
        var scale = PowerOfTwoNear(a);
        var (q, rows) = ThinQr.Decompose(a, m, n);
        DoubleVectors.Scale(1 / scale, rows);
        var rotations = new double[n * n]; // W^T
        for (var i = 0; i < n; i++) rotations[(i * n) + i] = 1;
        Orthogonalize(rows, rotations, n);

        var norms = new double[n];
        for (var i = 0; i < n; i++) norms[i] = Norm(rows.AsSpan(i * n, n));
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        Array.Sort(order, (x, y) => norms[x] != norms[y] ? norms[y].CompareTo(norms[x]) : x.CompareTo(y));

        var s = new double[n];
        var vt = new double[n * n];
        var w = new double[n * n]; // W [n, n], columns sorted
        var filled = 0;
        for (var j = 0; j < n; j++)
        {
            var from = order[j];
            s[j] = norms[from] * scale;
            for (var i = 0; i < n; i++) w[(i * n) + j] = rotations[(from * n) + i];
            if (norms[from] * norms[from] < Vanishing) continue;
            for (var i = 0; i < n; i++) vt[(j * n) + i] = rows[(from * n) + i] / norms[from];
            filled = j + 1;
        }

        Complete(vt, filled, n);
        return (Product(q, w, m, n), s, vt);
    }

    // Hestenes' one-sided Jacobi by cyclic sweeps over pairs of rows.
    private static void Orthogonalize(double[] rows, double[] rotations, int n)
    {
        var tolerance = n * 1.1e-16;
        var squares = new double[n];
        for (var i = 0; i < n; i++) squares[i] = DoubleVectors.SumOfSquares(rows.AsSpan(i * n, n));
        for (var sweep = 0; sweep < MostSweeps; sweep++)
        {
            var rotated = false;
            for (var i = 0; i + 1 < n; i++)
            {
                for (var j = i + 1; j < n; j++)
                {
                    if (squares[i] < Vanishing || squares[j] < Vanishing) continue;
                    var x = rows.AsSpan(i * n, n);
                    var y = rows.AsSpan(j * n, n);
                    var product = DoubleVectors.Dot(x, y);
                    if (Math.Abs(product) <= tolerance * Math.Sqrt(squares[i]) * Math.Sqrt(squares[j])) continue;
                    rotated = true;
                    var cotangent = (squares[j] - squares[i]) / (2 * product); // of twice the angle
                    var tangent = Math.CopySign(1 / (Math.Abs(cotangent) + Math.Sqrt(1 + (cotangent * cotangent))), cotangent);
                    var cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
                    DoubleVectors.Rotate(cosine, cosine * tangent, x, y);
                    DoubleVectors.Rotate(cosine, cosine * tangent, rotations.AsSpan(i * n, n), rotations.AsSpan(j * n, n));
                    squares[i] = DoubleVectors.SumOfSquares(x);
                    squares[j] = DoubleVectors.SumOfSquares(y);
                }
            }

            if (!rotated) return;
        }

        throw new ArithmeticException($"Jacobi rotations did not converge in {MostSweeps} sweeps on a matrix of {n} columns.");
    }

    // Extends the first `filled` orthonormal rows to a basis, each time from the unit vector farthest from their span.
    private static void Complete(double[] rows, int filled, int n)
    {
        var outside = new double[n];
        for (var next = filled; next < n; next++)
        {
            Array.Fill(outside, 1);
            for (var r = 0; r < next; r++)
                for (var i = 0; i < n; i++) outside[i] -= rows[(r * n) + i] * rows[(r * n) + i];
            var axis = 0;
            for (var i = 1; i < n; i++) if (outside[i] > outside[axis]) axis = i;
            var row = rows.AsSpan(next * n, n);
            row.Clear();
            row[axis] = 1;
            for (var pass = 0; pass < 2; pass++) // twice is enough (Kahan)
            {
                for (var r = 0; r < next; r++)
                {
                    var other = rows.AsSpan(r * n, n);
                    DoubleVectors.AddScaled(-DoubleVectors.Dot(other, row), other, row);
                }
            }

            DoubleVectors.Scale(1 / Norm(row), row);
        }
    }

    private static double Norm(ReadOnlySpan<double> x) => Math.Sqrt(DoubleVectors.SumOfSquares(x));

    private static double PowerOfTwoNear(ReadOnlySpan<double> a)
    {
        var largest = 0.0;
        foreach (var value in a) largest = Math.Max(largest, Math.Abs(value));
        return largest == 0 ? 1 : Math.ScaleB(1, Math.Clamp(Math.ILogB(largest), -1000, 1000));
    }

    // [m, n] * [n, n]
    private static double[] Product(double[] x, double[] y, int m, int n)
    {
        var result = new double[m * n];
        for (var i = 0; i < m; i++)
            for (var p = 0; p < n; p++) DoubleVectors.AddScaled(x[(i * n) + p], y.AsSpan(p * n, n), result.AsSpan(i * n, n));
        return result;
    }

    private static double[] Transposed(ReadOnlySpan<double> a, int m, int n)
    {
        var result = new double[n * m];
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++) result[(j * m) + i] = a[(i * n) + j];
        return result;
    }
}
