using Cuvee.Numerics;

namespace Cuvee.Optimization.FisherProbing;

/// <summary>Symmetric positive definite systems by A = L L'.</summary>
internal static class CholeskySolver
{
    /// <summary>Relative to its diagonal entry, a pivot below this is lost to rounding.</summary>
    private const double PivotTolerance = 1e-13;

    /// <param name="matrix">A, [n, n], lower triangle read; overwritten by L.</param>
    /// <param name="rightHandSide">b, [n]; overwritten by the solution on success, unchanged else.</param>
    /// <returns>False when A is not positive definite to working precision.</returns>
    public static bool TrySolve(Span<double> matrix, Span<double> rightHandSide)
    {
        var n = rightHandSide.Length;
        for (var i = 0; i < n; i++)
        {
            var row = matrix.Slice(i * n, i + 1);
            for (var j = 0; j < i; j++)
            {
                var other = matrix.Slice(j * n, j + 1);
                row[j] = (row[j] - DoubleVectors.Dot(row[..j], other[..j])) / other[j];
            }

            var pivot = row[i] - DoubleVectors.Dot(row[..i], row[..i]);
            if (!(pivot > PivotTolerance * row[i])) return false;
            row[i] = Math.Sqrt(pivot);
        }

        for (var i = 0; i < n; i++)
            rightHandSide[i] = (rightHandSide[i] - DoubleVectors.Dot(matrix.Slice(i * n, i), rightHandSide[..i])) / matrix[(i * n) + i];
        for (var i = n - 1; i >= 0; i--)
        {
            rightHandSide[i] /= matrix[(i * n) + i];
            for (var j = 0; j < i; j++) rightHandSide[j] -= matrix[(i * n) + j] * rightHandSide[i];
        }

        return true;
    }
}
