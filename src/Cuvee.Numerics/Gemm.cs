using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// C[m,n] = A[m,k] * B[k,n] (plus C when accumulating), fp32, row-major with leading dimensions.
/// Every element of C is one chain of multiply-adds over k in rising order, starting from C or from zero: a row's result has the same bits
/// whatever m, n, its position, the number of threads, and whether B was packed before. The multiply-adds are fused wherever the
/// processor can, so AVX-512, AVX2 and arm64 agree to the bit. C must not overlap A or B. Without accumulation C is written, never read.
/// </summary>
public static unsafe partial class Gemm
{
    /// <summary>The instruction set in use: "AVX-512", "AVX2", "Vector128" or "scalar".</summary>
    public static string InstructionSet => Lane switch
    {
        GemmLane.Avx512 => "AVX-512",
        GemmLane.Avx2 => "AVX2",
        GemmLane.Vector128 => "Vector128",
        _ => "scalar",
    };

    internal static GemmLane Lane
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx512F.IsSupported ? GemmLane.Avx512
            : Avx2.IsSupported && Fma.IsSupported ? GemmLane.Avx2
            : Vector128.IsHardwareAccelerated ? GemmLane.Vector128
            : GemmLane.Scalar;
    }

    /// <summary>Runs on the calling thread only.</summary>
    /// <param name="a">[m,k], or [k,m] when <paramref name="transposeA"/>; <paramref name="lda"/> floats between rows as stored.</param>
    /// <param name="b">[k,n], or [n,k] when <paramref name="transposeB"/> (the layout of a Hugging Face weight [out,in]).</param>
    /// <param name="c">[m,n], <paramref name="ldc"/> floats between rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its shape, or a leading dimension smaller than its row.</exception>
    public static void Multiply(
        int m, int n, int k,
        ReadOnlySpan<float> a, int lda, bool transposeA,
        ReadOnlySpan<float> b, int ldb, bool transposeB,
        Span<float> c, int ldc, bool accumulate)
    {
        CheckC(m, n, k, c.Length, ldc);
        if (m == 0 || n == 0) return;
        if (k == 0)
        {
            if (!accumulate) Clear(m, n, c, ldc);
            return;
        }

        CheckOperand(transposeA ? k : m, transposeA ? m : k, a.Length, lda, nameof(a));
        CheckOperand(transposeB ? n : k, transposeB ? k : n, b.Length, ldb, nameof(b));
        fixed (float* pa = a, pb = b, pc = c)
        {
            switch (Lane)
            {
                case GemmLane.Avx512:
                    GemmLoops<Avx512GemmKernel>.Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, accumulate);
                    break;
                case GemmLane.Avx2:
                    GemmLoops<Avx2GemmKernel>.Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, accumulate);
                    break;
                case GemmLane.Vector128:
                    GemmLoops<Vector128GemmKernel>.Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, accumulate);
                    break;
                default:
                    GemmLoops<ScalarGemmKernel>.Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, accumulate);
                    break;
            }
        }
    }

    /// <summary>The same product, to the bit, with B packed beforehand; runs on the calling thread only.</summary>
    /// <param name="a">[m, b.Rows], or its transpose.</param>
    /// <param name="b">[k, n]; k and n of the product are its own.</param>
    /// <param name="c">[m, b.Columns].</param>
    public static void Multiply(
        int m, ReadOnlySpan<float> a, int lda, bool transposeA, PackedMatrix b, Span<float> c, int ldc, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(b);
        var (n, k) = (b.Columns, b.Rows);
        CheckC(m, n, k, c.Length, ldc);
        if (m == 0 || n == 0) return;
        if (k == 0)
        {
            if (!accumulate) Clear(m, n, c, ldc);
            return;
        }

        CheckOperand(transposeA ? k : m, transposeA ? m : k, a.Length, lda, nameof(a));
        fixed (float* pa = a, pc = c) MultiplyPacked(m, n, k, pa, lda, transposeA, b.Panels, pc, ldc, accumulate);
        GC.KeepAlive(b);
    }

    /// <summary>Columns of one packed panel on this machine.</summary>
    internal static int PanelColumns => Lane switch
    {
        GemmLane.Avx512 => Avx512GemmKernel.Columns,
        GemmLane.Avx2 => Avx2GemmKernel.Columns,
        GemmLane.Vector128 => Vector128GemmKernel.Columns,
        _ => ScalarGemmKernel.Columns,
    };

    /// <summary>Rows of the tall tile on this machine.</summary>
    internal static int TileRows => Lane switch
    {
        GemmLane.Avx512 => Avx512GemmKernel.TallRows,
        GemmLane.Avx2 => Avx2GemmKernel.TallRows,
        GemmLane.Vector128 => Vector128GemmKernel.TallRows,
        _ => ScalarGemmKernel.TallRows,
    };

    /// <summary>
    /// <paramref name="panels"/>: whole panels of depth <paramref name="k"/>, the first <paramref name="n"/> columns of them.
    /// </summary>
    internal static void MultiplyPacked(
        int m, int n, int k, float* a, nint lda, bool transposeA, float* panels, float* c, nint ldc, bool accumulate)
    {
        var stride = (nint)k * PanelColumns;
        switch (Lane)
        {
            case GemmLane.Avx512:
                GemmLoops<Avx512GemmKernel>.MultiplyPacked(m, n, k, a, lda, transposeA, panels, stride, c, ldc, accumulate);
                break;
            case GemmLane.Avx2:
                GemmLoops<Avx2GemmKernel>.MultiplyPacked(m, n, k, a, lda, transposeA, panels, stride, c, ldc, accumulate);
                break;
            case GemmLane.Vector128:
                GemmLoops<Vector128GemmKernel>.MultiplyPacked(m, n, k, a, lda, transposeA, panels, stride, c, ldc, accumulate);
                break;
            default:
                GemmLoops<ScalarGemmKernel>.MultiplyPacked(m, n, k, a, lda, transposeA, panels, stride, c, ldc, accumulate);
                break;
        }
    }

    /// <summary>Packs <paramref name="columns"/> columns of B from its column 0 on.</summary>
    internal static void PackB(int columns, int k, float* b, nint ldb, bool transpose, float* panels)
    {
        var stride = (nint)k * PanelColumns;
        switch (Lane)
        {
            case GemmLane.Avx512:
                GemmLoops<Avx512GemmKernel>.PackB(columns, k, b, ldb, transpose, panels, stride);
                break;
            case GemmLane.Avx2:
                GemmLoops<Avx2GemmKernel>.PackB(columns, k, b, ldb, transpose, panels, stride);
                break;
            case GemmLane.Vector128:
                GemmLoops<Vector128GemmKernel>.PackB(columns, k, b, ldb, transpose, panels, stride);
                break;
            default:
                GemmLoops<ScalarGemmKernel>.PackB(columns, k, b, ldb, transpose, panels, stride);
                break;
        }
    }

    internal static void CheckOperand(int rows, int columns, int length, int stride, string name)
    {
        if (stride < columns)
            throw new ArgumentException($"The leading dimension {stride} of {name} is less than its {columns} columns.", name);
        if (length < ((long)(rows - 1) * stride) + columns)
            throw new ArgumentException($"{name} holds {length} floats, too few for [{rows}, {columns}] with {stride} between rows.", name);
    }

    internal static void CheckC(int m, int n, int k, int length, int ldc)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        if (m > 0 && n > 0) CheckOperand(m, n, length, ldc, "c");
    }

    private static void Clear(int m, int n, Span<float> c, int ldc)
    {
        for (var i = 0; i < m; i++) c.Slice(i * ldc, n).Clear();
    }
}
