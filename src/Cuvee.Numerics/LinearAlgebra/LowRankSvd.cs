namespace Cuvee.Numerics;

/// <summary>
/// A = U diag(s) V^T of a matrix whose rank is far below its size, such as a LoRA update, at a cost of m * n * rank: Gram-Schmidt on the
/// row with most left (pivoted QR) until what is left is negligible, then <see cref="ThinSvd"/> of the thin factor. The same bits on every
/// machine. Thread-safe.
/// </summary>
public static class LowRankSvd
{
    /// <param name="a">[m, n] row-major, only read. Every element finite.</param>
    /// <param name="negligible">Of the largest singular value: smaller ones are left out; in (0, 1).</param>
    /// <returns>With r the number of singular values kept: <c>U</c> [m, r] and <c>Vt</c> [r, n] row-major, <c>S</c> [r] descending; r = 0
    /// for a matrix of zeros.</returns>
    /// <exception cref="ArgumentException">Too few elements, or one of them is NaN or infinite.</exception>
    public static (double[] U, double[] S, double[] Vt) Decompose(ReadOnlySpan<float> a, int m, int n, double negligible)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(negligible);
        if (a.Length < (long)m * n) throw new ArgumentException($"A matrix [{m}, {n}] needs {(long)m * n} elements, not {a.Length}.");
        var (columns, basis) = Factor(a, m, n, negligible);
        var rank = columns.Count;
        var coefficients = new double[m * rank];
        for (var p = 0; p < rank; p++)
            for (var i = 0; i < m; i++) coefficients[(i * rank) + p] = columns[p][i];

        var (u, s, wt) = ThinSvd.Decompose(coefficients, m, rank);
        var kept = s.Count(value => value > negligible * s[0]);
        var left = new double[m * kept];
        for (var i = 0; i < m; i++) u.AsSpan(i * rank, kept).CopyTo(left.AsSpan(i * kept));
        var vt = new double[kept * n];
        for (var k = 0; k < kept; k++)
            for (var p = 0; p < rank; p++) DoubleVectors.AddScaled(wt[(k * rank) + p], basis[p], vt.AsSpan(k * n, n));
        return (left, s[..kept], vt);
    }

    // a = sum of columns[p] [m] * basis[p]' [n], the basis orthonormal, but for a part below negligible of a's norm.
    private static (List<double[]> Columns, List<double[]> Basis) Factor(ReadOnlySpan<float> a, int m, int n, double negligible)
    {
        var rest = new double[m * n];
        for (var i = 0; i < rest.Length; i++)
        {
            if (!float.IsFinite(a[i])) throw new ArgumentException($"A matrix [{m}, {n}] holds {a[i]}; every element must be finite.");
            rest[i] = a[i];
        }

        var squares = new double[m]; // of the rest of each row
        for (var i = 0; i < m; i++) squares[i] = DoubleVectors.SumOfSquares(rest.AsSpan(i * n, n));
        var enough = squares.Sum() * negligible * negligible;
        var (columns, basis) = (new List<double[]>(), new List<double[]>());
        while (columns.Count < Math.Min(m, n) && squares.Sum() > enough)
        {
            var pivot = Array.IndexOf(squares, squares.Max());
            var direction = rest[(pivot * n)..((pivot + 1) * n)];
            foreach (var earlier in basis) // twice is enough (Kahan)
                DoubleVectors.AddScaled(-DoubleVectors.Dot(earlier, direction), earlier, direction);
            DoubleVectors.Scale(1 / Math.Sqrt(DoubleVectors.SumOfSquares(direction)), direction);
            var column = new double[m];
            for (var i = 0; i < m; i++)
            {
                var row = rest.AsSpan(i * n, n);
                column[i] = DoubleVectors.Dot(row, direction);
                DoubleVectors.AddScaled(-column[i], direction, row);
                squares[i] = DoubleVectors.SumOfSquares(row);
            }

            columns.Add(column);
            basis.Add(direction);
        }

        return (columns, basis);
    }
}
