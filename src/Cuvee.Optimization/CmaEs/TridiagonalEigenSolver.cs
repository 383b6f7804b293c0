using System.Numerics;

namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// Eigendecomposition of a symmetric matrix: Householder reduction to tridiagonal form, then QL steps with implicit Wilkinson shifts.
/// All inner loops run along rows. About 9 N^3 floating-point operations.
/// </summary>
internal static class TridiagonalEigenSolver
{
    private const int MaxStepsPerEigenvalue = 60;

    /// <param name="symmetric">[N, N], both triangles; unchanged.</param>
    /// <param name="eigenvalues">[N], in no particular order.</param>
    /// <param name="eigenvectors">[N, N]: row k belongs to eigenvalue k; orthonormal.</param>
    /// <exception cref="ArithmeticException">The matrix holds a value that is not finite.</exception>
    public static void Solve(ReadOnlySpan<double> symmetric, Span<double> eigenvalues, Span<double> eigenvectors)
    {
        var n = eigenvalues.Length;
        var offDiagonal = new double[n]; // offDiagonal[i] couples i and i + 1
        Tridiagonalize(symmetric, eigenvalues, offDiagonal, eigenvectors);
        for (var l = 0; l < n; l++)
        {
            for (var step = 0; ; step++)
            {
                var m = l;
                while (m < n - 1 && !Negligible(offDiagonal[m], eigenvalues[m], eigenvalues[m + 1])) m++;
                if (m == l) break;
                if (step == MaxStepsPerEigenvalue)
                    throw new ArithmeticException("The matrix has no eigendecomposition: it holds values that are not finite.");
                ImplicitStep(l, m, eigenvalues, offDiagonal, eigenvectors);
            }
        }
    }

    private static bool Negligible(double coupling, double left, double right)
    {
        var scale = Math.Abs(left) + Math.Abs(right);
        return scale + Math.Abs(coupling) == scale;
    }

    /// <summary>One QL sweep over the unreduced block l..m; each plane rotation is applied to two rows of the eigenvector matrix.</summary>
    private static void ImplicitStep(int l, int m, Span<double> d, double[] e, Span<double> vectors)
    {
        var n = d.Length;
        var theta = (d[l + 1] - d[l]) / (2 * e[l]);
        var shift = d[l] - (e[l] / (theta + Math.CopySign(double.Hypot(theta, 1), theta)));
        var g = d[m] - shift;
        double sine = 1, cosine = 1, carried = 0;
        for (var i = m - 1; i >= l; i--)
        {
            var f = sine * e[i];
            var b = cosine * e[i];
            var r = double.Hypot(f, g);
            e[i + 1] = r;
            if (r == 0) // the block split below i: finish with what has been carried so far
            {
                d[i + 1] -= carried;
                e[m] = 0;
                return;
            }

            sine = f / r;
            cosine = g / r;
            var h = d[i + 1] - carried;
            var t = ((d[i] - h) * sine) + (2 * cosine * b);
            carried = sine * t;
            d[i + 1] = h + carried;
            g = (cosine * t) - b;
            RotateRows(vectors.Slice(i * n, n), vectors.Slice((i + 1) * n, n), sine, cosine);
        }

        d[l] -= carried;
        e[l] = g;
        e[m] = 0;
    }

    /// <summary>(lower, upper) = (c lower - s upper, s lower + c upper). Vector&lt;double&gt; lanes, scalar remainder.</summary>
    private static void RotateRows(Span<double> lower, Span<double> upper, double sine, double cosine)
    {
        var i = 0;
        var s = new Vector<double>(sine);
        var c = new Vector<double>(cosine);
        for (; i <= lower.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            var x = new Vector<double>(lower[i..]);
            var y = new Vector<double>(upper[i..]);
            ((c * x) - (s * y)).CopyTo(lower[i..]);
            ((s * x) + (c * y)).CopyTo(upper[i..]);
        }

        for (; i < lower.Length; i++)
        {
            var x = lower[i];
            var y = upper[i];
            lower[i] = (cosine * x) - (sine * y);
            upper[i] = (sine * x) + (cosine * y);
        }
    }

    /// <summary>T = Q' A Q with Q = H_0 H_1 ..., H_k = I - beta_k v_k v_k'; leaves Q' in <paramref name="transposedQ"/>.</summary>
    private static void Tridiagonalize(
        ReadOnlySpan<double> symmetric, Span<double> diagonal, double[] offDiagonal, Span<double> transposedQ)
    {
        var n = diagonal.Length;
        var a = symmetric.ToArray(); // [N, N]; the trailing block is A_k
        var reflectors = new double[n * n]; // row k holds v_k, zero before k + 1
        var betas = new double[n];
        var w = new double[n];
        for (var k = 0; k < n - 1; k++)
        {
            diagonal[k] = a[(k * n) + k];
            var v = reflectors.AsSpan(k * n, n);
            a.AsSpan((k * n) + k + 1, n - k - 1).CopyTo(v[(k + 1)..]);
            var norm = Math.Sqrt(RowOperations.SquaredNorm(v));
            var tail = Math.Sqrt(RowOperations.SquaredNorm(v[(k + 2)..]));
            if (tail <= double.Epsilon * n)
            {
                offDiagonal[k] = v[k + 1];
                continue;
            }

            offDiagonal[k] = -Math.CopySign(norm, v[k + 1]);
            v[k + 1] -= offDiagonal[k];
            betas[k] = 2 / RowOperations.SquaredNorm(v);
            var trailing = v[(k + 1)..];
            var p = w.AsSpan(k + 1);
            p.Clear();
            // p = beta A v
            for (var j = k + 1; j < n; j++) RowOperations.AddScaled(betas[k] * v[j], a.AsSpan((j * n) + k + 1, n - k - 1), p);
            double overlap = 0;
            for (var j = 0; j < p.Length; j++) overlap += p[j] * trailing[j];
            RowOperations.AddScaled(-0.5 * betas[k] * overlap, trailing, p); // w = p - beta / 2 (p'v) v
            for (var j = k + 1; j < n; j++) // A -= v w' + w v'
            {
                var row = a.AsSpan((j * n) + k + 1, n - k - 1);
                RowOperations.AddScaled(-v[j], p, row);
                RowOperations.AddScaled(-w[j], trailing, row);
            }
        }

        diagonal[n - 1] = a[(n * n) - 1];
        AccumulateReflectors(reflectors, betas, a);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) transposedQ[(i * n) + j] = a[(j * n) + i];
        }
    }

    private static void AccumulateReflectors(double[] reflectors, double[] betas, double[] q)
    {
        var n = betas.Length;
        Array.Clear(q);
        for (var i = 0; i < n; i++) q[(i * n) + i] = 1;
        var product = new double[n];
        for (var k = n - 2; k >= 0; k--)
        {
            if (betas[k] == 0) continue;
            var v = reflectors.AsSpan(k * n, n);
            var row = product.AsSpan(k + 1); // columns before k + 1 of these rows are still those of the identity
            row.Clear();
            for (var i = k + 1; i < n; i++) RowOperations.AddScaled(v[i], q.AsSpan((i * n) + k + 1, n - k - 1), row);
            for (var i = k + 1; i < n; i++) RowOperations.AddScaled(-betas[k] * v[i], row, q.AsSpan((i * n) + k + 1, n - k - 1));
        }
    }
}
