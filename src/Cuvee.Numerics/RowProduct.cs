using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>
/// C[m, n] = A[m, k] * B[k, n] (plus C when accumulating) for the small operands of attention, whose B is used too few times to be worth
/// packing. Bits and aliasing are those of <see cref="Gemm"/>.
/// </summary>
public static unsafe class RowProduct
{
    /// <summary>n is a multiple of it, so that rows are whole vectors in every width.</summary>
    public const int ColumnMultiple = 16;

    /// <summary>Runs on the calling thread only.</summary>
    /// <param name="a">[m, k], <paramref name="lda"/> floats between rows.</param>
    /// <param name="b">[k, n], <paramref name="ldb"/> floats between rows.</param>
    /// <param name="c">[m, n], <paramref name="ldc"/> floats between rows.</param>
    /// <exception cref="ArgumentException">n is no multiple of <see cref="ColumnMultiple"/>, a span is too short for its shape, or a
    /// leading dimension smaller than its row.</exception>
    public static void Multiply(
        int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb, Span<float> c, int ldc, bool accumulate)
    {
        Gemm.CheckC(m, n, k, c.Length, ldc);
        if (n % ColumnMultiple != 0) throw new ArgumentException($"n is {n}; it must be a multiple of {ColumnMultiple}.", nameof(n));
        if (m == 0 || n == 0) return;
        if (k > 0)
        {
            Gemm.CheckOperand(m, k, a.Length, lda, nameof(a));
            Gemm.CheckOperand(k, n, b.Length, ldb, nameof(b));
        }

        fixed (float* pa = a, pb = b, pc = c)
        {
            switch (Gemm.Lane)
            {
                case GemmLane.Avx512:
                    Multiply<Lanes512, Vector512<float>>(m, n, k, pa, lda, pb, ldb, pc, ldc, accumulate);
                    break;
                case GemmLane.Avx2:
                    Multiply<Lanes256, Vector256<float>>(m, n, k, pa, lda, pb, ldb, pc, ldc, accumulate);
                    break;
                case GemmLane.Vector128:
                    Multiply<Lanes128, Vector128<float>>(m, n, k, pa, lda, pb, ldb, pc, ldc, accumulate);
                    break;
                default:
                    Multiply<LanesScalar, float>(m, n, k, pa, lda, pb, ldb, pc, ldc, accumulate);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TLanes, TVector>(
        int m, int n, int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct
    {
        var width = TLanes.Count;
        for (; m >= 4; m -= 4, a += 4 * lda, c += 4 * ldc)
        {
            var j = 0;
            if (Has32Registers<TVector>())
                for (; j + (4 * width) <= n; j += 4 * width) RowTile<TLanes, TVector>.FourByFour(k, a, lda, b + j, ldb, c + j, ldc, load);
            for (; j + (2 * width) <= n; j += 2 * width) RowTile<TLanes, TVector>.FourByTwo(k, a, lda, b + j, ldb, c + j, ldc, load);
            if (j < n) RowTile<TLanes, TVector>.FourByOne(k, a, lda, b + j, ldb, c + j, ldc, load);
        }

        for (; m > 0; m--, a += lda, c += ldc)
        {
            var j = 0;
            for (; j + (8 * width) <= n; j += 8 * width) RowTile<TLanes, TVector>.OneByEight(k, a, b + j, ldb, c + j, load);
            if (j + (4 * width) <= n)
            {
                RowTile<TLanes, TVector>.OneByFour(k, a, b + j, ldb, c + j, load);
                j += 4 * width;
            }

            for (; j < n; j += width) RowTile<TLanes, TVector>.OneByOne(k, a, b + j, ldb, c + j, load);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Has32Registers<TVector>() => typeof(TVector) == typeof(Vector512<float>) || AdvSimd.IsSupported;
}
