using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// y[m, rows] = x[m, in] * weight[firstRow .. firstRow + rows, in]^T with the weight read where it lies, once, and nothing packed: the
/// product of decoding, where a handful of rows meet a whole matrix. Faster than packing and <see cref="Gemm"/> up to some 32 rows.
/// </summary>
/// <remarks>
/// An element is the sum of as many chains of multiply-adds as a vector has lanes, chain l over in = l, l + lanes, ... in rising order,
/// folded in a fixed way. A row of y has the same bits whatever m, its position, the split of the weight's rows and the number of
/// threads; not those of <see cref="Gemm"/>, nor the same in every vector width.
/// </remarks>
public static unsafe class StoredProduct
{
    /// <summary>Runs on the calling thread only.</summary>
    /// <param name="x">[m, in], <paramref name="ldx"/> floats between rows.</param>
    /// <param name="weight">[out, in]</param>
    /// <param name="firstRow">Of the weight.</param>
    /// <param name="rows">Of the weight: columns of y.</param>
    /// <param name="y">[m, rows], <paramref name="ldy"/> floats between rows; must not overlap x. Written, never read.</param>
    /// <exception cref="ArgumentException">A span is too short for its shape, or a leading dimension smaller than its row.</exception>
    public static void Multiply(
        int m, ReadOnlySpan<float> x, int ldx, StoredMatrix weight, int firstRow, int rows, Span<float> y, int ldy)
    {
        Check(m, x, ldx, weight, firstRow, rows, y, ldy);
        if (m == 0 || rows == 0) return;
        fixed (float* px = x, py = y) Multiply(m, px, ldx, weight, firstRow, rows, py, ldy);
    }

    /// <summary>The same product, to the bit, its rows of the weight shared among the threads of <paramref name="team"/>.</summary>
    /// <inheritdoc cref="Multiply(int, ReadOnlySpan{float}, int, StoredMatrix, int, int, Span{float}, int)"/>
    public static void MultiplyParallel(
        ThreadTeam team, int m, ReadOnlySpan<float> x, int ldx, StoredMatrix weight, int firstRow, int rows, Span<float> y, int ldy)
    {
        ArgumentNullException.ThrowIfNull(team);
        Check(m, x, ldx, weight, firstRow, rows, y, ldy);
        if (m == 0 || rows == 0) return;
        fixed (float* px = x, py = y) StoredProductJob.Run(team, m, px, ldx, weight, firstRow, rows, py, ldy);
    }

    internal static void Multiply(int m, float* x, nint ldx, StoredMatrix weight, int firstRow, int rows, float* y, nint ldy)
    {
        switch (weight.Format)
        {
            case StorageFormat.F32:
                Multiply<ElementsF32>(m, x, ldx, weight, firstRow, rows, y, ldy);
                break;
            case StorageFormat.BF16:
                Multiply<ElementsBF16>(m, x, ldx, weight, firstRow, rows, y, ldy);
                break;
            case StorageFormat.F16:
                Multiply<ElementsF16>(m, x, ldx, weight, firstRow, rows, y, ldy);
                break;
            default:
                Multiply<ElementsQ80>(m, x, ldx, weight, firstRow, rows, y, ldy);
                break;
        }

        GC.KeepAlive(weight);
    }

    private static void Multiply<TElements>(int m, float* x, nint ldx, StoredMatrix weight, int firstRow, int rows, float* y, nint ldy)
        where TElements : IStoredElements
    {
        var (k, stride) = (weight.Columns, weight.RowBytes);
        var data = weight.Data + (firstRow * stride);
        if (Avx512F.IsSupported) StoredLoops<TElements, Lanes512, Vector512<float>>.Multiply(m, k, rows, x, ldx, data, stride, y, ldy);
        else if (Avx2.IsSupported && Fma.IsSupported)
            StoredLoops<TElements, Lanes256, Vector256<float>>.Multiply(m, k, rows, x, ldx, data, stride, y, ldy);
        else if (Vector128.IsHardwareAccelerated)
            StoredLoops<TElements, Lanes128, Vector128<float>>.Multiply(m, k, rows, x, ldx, data, stride, y, ldy);
        else StoredLoops<TElements, LanesScalar, float>.Multiply(m, k, rows, x, ldx, data, stride, y, ldy);
    }

    private static void Check(
        int m, ReadOnlySpan<float> x, int ldx, StoredMatrix weight, int firstRow, int rows, ReadOnlySpan<float> y, int ldy)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)firstRow + rows, weight.Rows, nameof(rows));
        if (m == 0 || rows == 0) return;
        Gemm.CheckOperand(m, weight.Columns, x.Length, ldx, nameof(x));
        Gemm.CheckOperand(m, rows, y.Length, ldy, nameof(y));
    }
}
