using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// X X^T of a wide matrix in double, from fp32 rows that are exact in it. Tiles of 4 x 4 sums stay in registers, each in 4 lanes (element i
/// in lane i mod 4, unfused) over blocks of columns that stay in the first-level cache; the same bits on every machine and any number of
/// threads.
/// </summary>
public static unsafe class GramMatrix
{
    private const int Block = 512; // columns: 8 rows of them are 32 KiB

    /// <param name="x">[rows, columns] row-major, only read.</param>
    /// <returns>[rows, rows], symmetric.</returns>
    public static double[] Of(ReadOnlySpan<double> x, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (x.Length < (long)rows * columns)
            throw new ArgumentException($"A matrix [{rows}, {columns}] needs {(long)rows * columns} elements, not {x.Length}.", nameof(x));
        var gram = new double[checked(rows * rows)];
        fixed (double* from = x, to = gram)
        {
            for (var first = 0; first < columns; first += Block)
            {
                var width = Math.Min(Block, columns - first);
                for (var i = 0; i < rows; i += 4)
                    for (var j = 0; j <= i; j += 4) AddTile(from + first, rows, columns, i, j, width, to);
            }
        }

        for (var i = 0; i < rows; i++)
            for (var j = i + 1; j < rows; j++) gram[(i * rows) + j] = gram[(j * rows) + i];
        return gram;
    }

    private static void AddTile(double* x, int rows, nint columns, int i, int j, int width, double* gram)
    {
        if (i + 4 <= rows && j + 4 <= rows)
        {
            AddFull(x + (i * columns), x + (j * columns), columns, width, gram + ((nint)i * rows) + j, rows);
            return;
        }

        for (var p = i; p < Math.Min(i + 4, rows); p++)
        {
            for (var q = j; q < Math.Min(j + 4, rows); q++)
            {
                gram[((nint)p * rows) + q] += DoubleVectors.Dot(
                    new ReadOnlySpan<double>(x + (p * columns), width), new ReadOnlySpan<double>(x + (q * columns), width));
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFull(double* a, double* b, nint stride, int width, double* c, nint ldc)
    {
        Vector256<double> c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33;
        c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = Vector256<double>.Zero;
        c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = Vector256<double>.Zero;
        var (i, whole) = (0, width & ~3);
        for (; i < whole; i += 4)
        {
            var b0 = Vector256.Load(b + i);
            var b1 = Vector256.Load(b + stride + i);
            var b2 = Vector256.Load(b + (2 * stride) + i);
            var b3 = Vector256.Load(b + (3 * stride) + i);
            var x = Vector256.Load(a + i);
            c00 += x * b0;
            c01 += x * b1;
            c02 += x * b2;
            c03 += x * b3;
            x = Vector256.Load(a + stride + i);
            c10 += x * b0;
            c11 += x * b1;
            c12 += x * b2;
            c13 += x * b3;
            x = Vector256.Load(a + (2 * stride) + i);
            c20 += x * b0;
            c21 += x * b1;
            c22 += x * b2;
            c23 += x * b3;
            x = Vector256.Load(a + (3 * stride) + i);
            c30 += x * b0;
            c31 += x * b1;
            c32 += x * b2;
            c33 += x * b3;
        }

        Store(c, c00, c01, c02, c03);
        Store(c + ldc, c10, c11, c12, c13);
        Store(c + (2 * ldc), c20, c21, c22, c23);
        Store(c + (3 * ldc), c30, c31, c32, c33);
        for (; i < width; i++)
        {
            for (var p = 0; p < 4; p++)
                for (var q = 0; q < 4; q++) c[(p * ldc) + q] += a[(p * stride) + i] * b[(q * stride) + i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(double* c, Vector256<double> c0, Vector256<double> c1, Vector256<double> c2, Vector256<double> c3)
    {
        c[0] += (c0[0] + c0[2]) + (c0[1] + c0[3]);
        c[1] += (c1[0] + c1[2]) + (c1[1] + c1[3]);
        c[2] += (c2[0] + c2[2]) + (c2[1] + c2[3]);
        c[3] += (c3[0] + c3[2]) + (c3[1] + c3[3]);
    }
}
