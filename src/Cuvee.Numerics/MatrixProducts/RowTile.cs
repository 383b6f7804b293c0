using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>
/// The innermost products of <see cref="RowProduct"/> for one vector width, by rows of C and vectors a row. Every element is one chain of
/// multiply-adds over k in rising order, from C when <c>load</c>, else from zero. Named locals, because RyuJIT keeps arrays of vectors in
/// memory.
/// </summary>
internal static unsafe class RowTile<TLanes, TVector>
    where TLanes : IStoredLanes<TVector>
    where TVector : struct
{
    /// <summary>16 accumulators, 4 vectors of B, one broadcast of A: for 32 registers.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByFour(int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
    {
        TVector c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33;
        c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = TLanes.Broadcast(0);
        c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = TLanes.Broadcast(0);
        if (load)
        {
            (c00, c01, c02, c03) = Load4(c);
            (c10, c11, c12, c13) = Load4(c + ldc);
            (c20, c21, c22, c23) = Load4(c + (2 * ldc));
            (c30, c31, c32, c33) = Load4(c + (3 * ldc));
        }

        var (a1, a2, a3) = ((nint)(a + lda), (nint)(a + (2 * lda)), (nint)(a + (3 * lda)));
        for (var p = 0; p < k; p++, b += ldb)
        {
            var b0 = TLanes.Load(b);
            var b1 = TLanes.Load(b + TLanes.Count);
            var b2 = TLanes.Load(b + (2 * TLanes.Count));
            var b3 = TLanes.Load(b + (3 * TLanes.Count));
            var x = TLanes.Broadcast(a[p]);
            c00 = TLanes.MultiplyAdd(x, b0, c00);
            c01 = TLanes.MultiplyAdd(x, b1, c01);
            c02 = TLanes.MultiplyAdd(x, b2, c02);
            c03 = TLanes.MultiplyAdd(x, b3, c03);
            x = TLanes.Broadcast(((float*)a1)[p]);
            c10 = TLanes.MultiplyAdd(x, b0, c10);
            c11 = TLanes.MultiplyAdd(x, b1, c11);
            c12 = TLanes.MultiplyAdd(x, b2, c12);
            c13 = TLanes.MultiplyAdd(x, b3, c13);
            x = TLanes.Broadcast(((float*)a2)[p]);
            c20 = TLanes.MultiplyAdd(x, b0, c20);
            c21 = TLanes.MultiplyAdd(x, b1, c21);
            c22 = TLanes.MultiplyAdd(x, b2, c22);
            c23 = TLanes.MultiplyAdd(x, b3, c23);
            x = TLanes.Broadcast(((float*)a3)[p]);
            c30 = TLanes.MultiplyAdd(x, b0, c30);
            c31 = TLanes.MultiplyAdd(x, b1, c31);
            c32 = TLanes.MultiplyAdd(x, b2, c32);
            c33 = TLanes.MultiplyAdd(x, b3, c33);
        }

        Store4(c00, c01, c02, c03, c);
        Store4(c10, c11, c12, c13, c + ldc);
        Store4(c20, c21, c22, c23, c + (2 * ldc));
        Store4(c30, c31, c32, c33, c + (3 * ldc));
    }

    /// <summary>8 accumulators, 2 vectors of B, one broadcast of A: fits 16 registers.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo(int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
    {
        TVector c00, c01, c10, c11, c20, c21, c30, c31;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = TLanes.Broadcast(0);
        if (load)
        {
            (c00, c01) = Load2(c);
            (c10, c11) = Load2(c + ldc);
            (c20, c21) = Load2(c + (2 * ldc));
            (c30, c31) = Load2(c + (3 * ldc));
        }

        var (a1, a2, a3) = ((nint)(a + lda), (nint)(a + (2 * lda)), (nint)(a + (3 * lda)));
        for (var p = 0; p < k; p++, b += ldb)
        {
            var b0 = TLanes.Load(b);
            var b1 = TLanes.Load(b + TLanes.Count);
            var x = TLanes.Broadcast(a[p]);
            c00 = TLanes.MultiplyAdd(x, b0, c00);
            c01 = TLanes.MultiplyAdd(x, b1, c01);
            x = TLanes.Broadcast(((float*)a1)[p]);
            c10 = TLanes.MultiplyAdd(x, b0, c10);
            c11 = TLanes.MultiplyAdd(x, b1, c11);
            x = TLanes.Broadcast(((float*)a2)[p]);
            c20 = TLanes.MultiplyAdd(x, b0, c20);
            c21 = TLanes.MultiplyAdd(x, b1, c21);
            x = TLanes.Broadcast(((float*)a3)[p]);
            c30 = TLanes.MultiplyAdd(x, b0, c30);
            c31 = TLanes.MultiplyAdd(x, b1, c31);
        }

        Store2(c00, c01, c);
        Store2(c10, c11, c + ldc);
        Store2(c20, c21, c + (2 * ldc));
        Store2(c30, c31, c + (3 * ldc));
    }

    /// <summary>4 accumulators, for the last vector of a row.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByOne(int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
    {
        TVector c0, c1, c2, c3;
        c0 = c1 = c2 = c3 = TLanes.Broadcast(0);
        if (load) (c0, c1, c2, c3) = (TLanes.Load(c), TLanes.Load(c + ldc), TLanes.Load(c + (2 * ldc)), TLanes.Load(c + (3 * ldc)));
        var (a1, a2, a3) = ((nint)(a + lda), (nint)(a + (2 * lda)), (nint)(a + (3 * lda)));
        for (var p = 0; p < k; p++, b += ldb)
        {
            var b0 = TLanes.Load(b);
            c0 = TLanes.MultiplyAdd(TLanes.Broadcast(a[p]), b0, c0);
            c1 = TLanes.MultiplyAdd(TLanes.Broadcast(((float*)a1)[p]), b0, c1);
            c2 = TLanes.MultiplyAdd(TLanes.Broadcast(((float*)a2)[p]), b0, c2);
            c3 = TLanes.MultiplyAdd(TLanes.Broadcast(((float*)a3)[p]), b0, c3);
        }

        TLanes.Store(c0, c);
        TLanes.Store(c1, c + ldc);
        TLanes.Store(c2, c + (2 * ldc));
        TLanes.Store(c3, c + (3 * ldc));
    }

    /// <summary>8 accumulators: as many multiply-adds as are under way at once.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByEight(int k, float* a, float* b, nint ldb, float* c, bool load)
    {
        TVector c0, c1, c2, c3, c4, c5, c6, c7;
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = TLanes.Broadcast(0);
        if (load)
        {
            (c0, c1, c2, c3) = Load4(c);
            (c4, c5, c6, c7) = Load4(c + (4 * TLanes.Count));
        }

        for (var p = 0; p < k; p++, b += ldb)
        {
            var x = TLanes.Broadcast(a[p]);
            c0 = TLanes.MultiplyAdd(x, TLanes.Load(b), c0);
            c1 = TLanes.MultiplyAdd(x, TLanes.Load(b + TLanes.Count), c1);
            c2 = TLanes.MultiplyAdd(x, TLanes.Load(b + (2 * TLanes.Count)), c2);
            c3 = TLanes.MultiplyAdd(x, TLanes.Load(b + (3 * TLanes.Count)), c3);
            c4 = TLanes.MultiplyAdd(x, TLanes.Load(b + (4 * TLanes.Count)), c4);
            c5 = TLanes.MultiplyAdd(x, TLanes.Load(b + (5 * TLanes.Count)), c5);
            c6 = TLanes.MultiplyAdd(x, TLanes.Load(b + (6 * TLanes.Count)), c6);
            c7 = TLanes.MultiplyAdd(x, TLanes.Load(b + (7 * TLanes.Count)), c7);
        }

        Store4(c0, c1, c2, c3, c);
        Store4(c4, c5, c6, c7, c + (4 * TLanes.Count));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByFour(int k, float* a, float* b, nint ldb, float* c, bool load)
    {
        TVector c0, c1, c2, c3;
        c0 = c1 = c2 = c3 = TLanes.Broadcast(0);
        if (load) (c0, c1, c2, c3) = Load4(c);
        for (var p = 0; p < k; p++, b += ldb)
        {
            var x = TLanes.Broadcast(a[p]);
            c0 = TLanes.MultiplyAdd(x, TLanes.Load(b), c0);
            c1 = TLanes.MultiplyAdd(x, TLanes.Load(b + TLanes.Count), c1);
            c2 = TLanes.MultiplyAdd(x, TLanes.Load(b + (2 * TLanes.Count)), c2);
            c3 = TLanes.MultiplyAdd(x, TLanes.Load(b + (3 * TLanes.Count)), c3);
        }

        Store4(c0, c1, c2, c3, c);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByOne(int k, float* a, float* b, nint ldb, float* c, bool load)
    {
        var sum = load ? TLanes.Load(c) : TLanes.Broadcast(0);
        for (var p = 0; p < k; p++, b += ldb) sum = TLanes.MultiplyAdd(TLanes.Broadcast(a[p]), TLanes.Load(b), sum);
        TLanes.Store(sum, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector First, TVector Second) Load2(float* c) => (TLanes.Load(c), TLanes.Load(c + TLanes.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector First, TVector Second, TVector Third, TVector Fourth) Load4(float* c) => (
        TLanes.Load(c), TLanes.Load(c + TLanes.Count), TLanes.Load(c + (2 * TLanes.Count)), TLanes.Load(c + (3 * TLanes.Count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store2(TVector first, TVector second, float* c)
    {
        TLanes.Store(first, c);
        TLanes.Store(second, c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store4(TVector first, TVector second, TVector third, TVector fourth, float* c)
    {
        Store2(first, second, c);
        Store2(third, fourth, c + (2 * TLanes.Count));
    }
}
