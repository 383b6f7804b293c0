using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// The innermost products of <see cref="StoredProduct"/> for one vector width: four rows of the weight with one row of x, or with a tile of
/// them. Lane l of an accumulator sums x[k] * w[k] over k = l, l + Count, l + 2 Count ... in rising order, starting from what
/// <c>sums</c> holds, whichever of the kernels runs. Named locals, because RyuJIT keeps arrays of vectors in memory.
/// </summary>
internal static unsafe class StoredKernel<TLanes, TVector>
    where TLanes : IStoredLanes<TVector>
    where TVector : struct
{
    private const int Elements = StorageFormats.BlockElements;
    private const int CacheLine = 64; // bytes

    /// <summary>4 accumulators, one vector of x.</summary>
    /// <param name="blocks">Of 32 elements.</param>
    /// <param name="x">[blocks * 32]</param>
    /// <param name="row">[4] rows of blocks, <paramref name="stride"/> bytes apart.</param>
    /// <param name="next">Prefetched, <paramref name="step"/> bytes a block: what will be read after these rows.</param>
    /// <param name="sums">[4, Count]</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByFour<TElements>(nint blocks, float* x, byte* row, nint stride, byte* next, nint step, float* sums)
        where TElements : IStoredElements
    {
        var (r1, r2, r3) = ((nint)(row + stride), (nint)(row + (2 * stride)), (nint)(row + (3 * stride)));
        var (c0, c1, c2, c3) = Load(sums);
        for (; blocks > 0; blocks--)
        {
            next = Prefetch(next, step);
            var s0 = TElements.Scale<TLanes, TVector>(row);
            var s1 = TElements.Scale<TLanes, TVector>((byte*)r1);
            var s2 = TElements.Scale<TLanes, TVector>((byte*)r2);
            var s3 = TElements.Scale<TLanes, TVector>((byte*)r3);
            for (var i = 0; i < Elements; i += TLanes.Count)
            {
                var v = TLanes.Load(x + i);
                c0 = TLanes.MultiplyAdd(TElements.Load<TLanes, TVector>(row, i, s0), v, c0);
                c1 = TLanes.MultiplyAdd(TElements.Load<TLanes, TVector>((byte*)r1, i, s1), v, c1);
                c2 = TLanes.MultiplyAdd(TElements.Load<TLanes, TVector>((byte*)r2, i, s2), v, c2);
                c3 = TLanes.MultiplyAdd(TElements.Load<TLanes, TVector>((byte*)r3, i, s3), v, c3);
            }

            x += Elements;
            row += TElements.BlockBytes;
            r1 += TElements.BlockBytes;
            r2 += TElements.BlockBytes;
            r3 += TElements.BlockBytes;
        }

        Store(c0, c1, c2, c3, sums);
    }

    /// <summary>8 accumulators, 4 vectors of w, one of x: fits 16 registers.</summary>
    /// <inheritdoc cref="OneByFour"/>
    /// <param name="x">[2, blocks * 32], <paramref name="ldx"/> floats between rows.</param>
    /// <param name="sums">[2, 4, Count]</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoByFour<TElements>(nint blocks, float* x, nint ldx, byte* row, nint stride, byte* next, nint step, float* sums)
        where TElements : IStoredElements
    {
        var (r1, r2, r3) = ((nint)(row + stride), (nint)(row + (2 * stride)), (nint)(row + (3 * stride)));
        var x1 = (nint)(x + ldx);
        var (c00, c01, c02, c03) = Load(sums);
        var (c10, c11, c12, c13) = Load(sums + (4 * TLanes.Count));
        for (; blocks > 0; blocks--)
        {
            next = Prefetch(next, step);
            var s0 = TElements.Scale<TLanes, TVector>(row);
            var s1 = TElements.Scale<TLanes, TVector>((byte*)r1);
            var s2 = TElements.Scale<TLanes, TVector>((byte*)r2);
            var s3 = TElements.Scale<TLanes, TVector>((byte*)r3);
            for (var i = 0; i < Elements; i += TLanes.Count)
            {
                var w0 = TElements.Load<TLanes, TVector>(row, i, s0);
                var w1 = TElements.Load<TLanes, TVector>((byte*)r1, i, s1);
                var w2 = TElements.Load<TLanes, TVector>((byte*)r2, i, s2);
                var w3 = TElements.Load<TLanes, TVector>((byte*)r3, i, s3);
                var v = TLanes.Load(x + i);
                c00 = TLanes.MultiplyAdd(w0, v, c00);
                c01 = TLanes.MultiplyAdd(w1, v, c01);
                c02 = TLanes.MultiplyAdd(w2, v, c02);
                c03 = TLanes.MultiplyAdd(w3, v, c03);
                v = TLanes.Load((float*)x1 + i);
                c10 = TLanes.MultiplyAdd(w0, v, c10);
                c11 = TLanes.MultiplyAdd(w1, v, c11);
                c12 = TLanes.MultiplyAdd(w2, v, c12);
                c13 = TLanes.MultiplyAdd(w3, v, c13);
            }

            x += Elements;
            x1 += Elements * sizeof(float);
            row += TElements.BlockBytes;
            r1 += TElements.BlockBytes;
            r2 += TElements.BlockBytes;
            r3 += TElements.BlockBytes;
        }

        Store(c00, c01, c02, c03, sums);
        Store(c10, c11, c12, c13, sums + (4 * TLanes.Count));
    }

    /// <summary>16 accumulators, 4 vectors of w, one of x: for 32 registers.</summary>
    /// <inheritdoc cref="OneByFour"/>
    /// <param name="x">[4, blocks * 32], <paramref name="ldx"/> floats between rows.</param>
    /// <param name="sums">[4, 4, Count]</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByFour<TElements>(nint blocks, float* x, nint ldx, byte* row, nint stride, byte* next, nint step, float* sums)
        where TElements : IStoredElements
    {
        var (r1, r2, r3) = ((nint)(row + stride), (nint)(row + (2 * stride)), (nint)(row + (3 * stride)));
        var (x1, x2, x3) = ((nint)(x + ldx), (nint)(x + (2 * ldx)), (nint)(x + (3 * ldx)));
        var (c00, c01, c02, c03) = Load(sums);
        var (c10, c11, c12, c13) = Load(sums + (4 * TLanes.Count));
        var (c20, c21, c22, c23) = Load(sums + (8 * TLanes.Count));
        var (c30, c31, c32, c33) = Load(sums + (12 * TLanes.Count));
        for (; blocks > 0; blocks--)
        {
            next = Prefetch(next, step);
            var s0 = TElements.Scale<TLanes, TVector>(row);
            var s1 = TElements.Scale<TLanes, TVector>((byte*)r1);
            var s2 = TElements.Scale<TLanes, TVector>((byte*)r2);
            var s3 = TElements.Scale<TLanes, TVector>((byte*)r3);
            for (var i = 0; i < Elements; i += TLanes.Count)
            {
                var w0 = TElements.Load<TLanes, TVector>(row, i, s0);
                var w1 = TElements.Load<TLanes, TVector>((byte*)r1, i, s1);
                var w2 = TElements.Load<TLanes, TVector>((byte*)r2, i, s2);
                var w3 = TElements.Load<TLanes, TVector>((byte*)r3, i, s3);
                var v = TLanes.Load(x + i);
                c00 = TLanes.MultiplyAdd(w0, v, c00);
                c01 = TLanes.MultiplyAdd(w1, v, c01);
                c02 = TLanes.MultiplyAdd(w2, v, c02);
                c03 = TLanes.MultiplyAdd(w3, v, c03);
                v = TLanes.Load((float*)x1 + i);
                c10 = TLanes.MultiplyAdd(w0, v, c10);
                c11 = TLanes.MultiplyAdd(w1, v, c11);
                c12 = TLanes.MultiplyAdd(w2, v, c12);
                c13 = TLanes.MultiplyAdd(w3, v, c13);
                v = TLanes.Load((float*)x2 + i);
                c20 = TLanes.MultiplyAdd(w0, v, c20);
                c21 = TLanes.MultiplyAdd(w1, v, c21);
                c22 = TLanes.MultiplyAdd(w2, v, c22);
                c23 = TLanes.MultiplyAdd(w3, v, c23);
                v = TLanes.Load((float*)x3 + i);
                c30 = TLanes.MultiplyAdd(w0, v, c30);
                c31 = TLanes.MultiplyAdd(w1, v, c31);
                c32 = TLanes.MultiplyAdd(w2, v, c32);
                c33 = TLanes.MultiplyAdd(w3, v, c33);
            }

            x += Elements;
            x1 += Elements * sizeof(float);
            x2 += Elements * sizeof(float);
            x3 += Elements * sizeof(float);
            row += TElements.BlockBytes;
            r1 += TElements.BlockBytes;
            r2 += TElements.BlockBytes;
            r3 += TElements.BlockBytes;
        }

        Store(c00, c01, c02, c03, sums);
        Store(c10, c11, c12, c13, sums + (4 * TLanes.Count));
        Store(c20, c21, c22, c23, sums + (8 * TLanes.Count));
        Store(c30, c31, c32, c33, sums + (12 * TLanes.Count));
    }

    /// <summary>Exactly, to fp32.</summary>
    /// <param name="blocks">Of 32 elements.</param>
    /// <param name="target">[blocks * 32]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen<TElements>(nint blocks, byte* source, float* target)
        where TElements : IStoredElements
    {
        for (; blocks > 0; blocks--, source += TElements.BlockBytes, target += Elements)
        {
            var scale = TElements.Scale<TLanes, TVector>(source);
            for (var i = 0; i < Elements; i += TLanes.Count)
                TLanes.Store(TElements.Load<TLanes, TVector>(source, i, scale), target + i);
        }
    }

    // The hardware follows a stream within a page; four rows end, and four others begin, too often for it. arm64 has no such instruction
    // here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Prefetch(byte* next, nint step)
    {
        if (!Sse.IsSupported) return next;
        for (nint line = 0; line < step; line += CacheLine) Sse.Prefetch0(next + line);
        return next + step;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector First, TVector Second, TVector Third, TVector Fourth) Load(float* sums) => (
        TLanes.Load(sums), TLanes.Load(sums + TLanes.Count),
        TLanes.Load(sums + (2 * TLanes.Count)), TLanes.Load(sums + (3 * TLanes.Count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TVector first, TVector second, TVector third, TVector fourth, float* sums)
    {
        TLanes.Store(first, sums);
        TLanes.Store(second, sums + TLanes.Count);
        TLanes.Store(third, sums + (2 * TLanes.Count));
        TLanes.Store(fourth, sums + (3 * TLanes.Count));
    }
}
