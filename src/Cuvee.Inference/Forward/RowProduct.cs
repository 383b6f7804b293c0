using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// C[m, n] (+)= A[m, k] * B[k, n] for the small operands of attention, without packing. Every element is one chain of fused multiply-adds
/// over k in rising order from zero, or from C when accumulating: the same bits for every m, n and lane width. n must be a multiple of 16;
/// B and C rows hold whole vectors.
/// </summary>
internal static unsafe class RowProduct
{
    public static void Multiply(int m, int n, int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        var row = 0;
        for (; row + 4 <= m; row += 4)
        {
            var j = 0;
            for (; j + 64 <= n; j += 64) FourRows64(k, a, lda, b + j, ldb, c + j, ldc, accumulate);
            for (; j < n; j += 16) FourRows16(k, a, lda, b + j, ldb, c + j, ldc, accumulate);
            a += 4 * lda;
            c += 4 * ldc;
        }

        for (; row < m; row++)
        {
            var j = 0;
            for (; j + 64 <= n; j += 64) OneRow64(k, a, b + j, ldb, c + j, accumulate);
            for (; j < n; j += 16) OneRow16(k, a, b + j, ldb, c + j, accumulate);
            a += lda;
            c += ldc;
        }
    }

    // 16 accumulators, 4 vectors of B and one broadcast of A: named locals, because arrays of vectors are kept in memory.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows64(int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
    {
        Vector512<float> c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33;
        c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = Vector512<float>.Zero;
        c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = Vector512<float>.Zero;
        if (load)
        {
            Load64(c, out c00, out c01, out c02, out c03);
            Load64(c + ldc, out c10, out c11, out c12, out c13);
            Load64(c + (2 * ldc), out c20, out c21, out c22, out c23);
            Load64(c + (3 * ldc), out c30, out c31, out c32, out c33);
        }

        var (a1, a2, a3) = ((nint)(a + lda), (nint)(a + (2 * lda)), (nint)(a + (3 * lda)));
        for (var p = 0; p < k; p++, b += ldb)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var b2 = Vector512.Load(b + 32);
            var b3 = Vector512.Load(b + 48);
            var x = Vector512.Create(a[p]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            c02 = Vector512.FusedMultiplyAdd(x, b2, c02);
            c03 = Vector512.FusedMultiplyAdd(x, b3, c03);
            x = Vector512.Create(((float*)a1)[p]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            c12 = Vector512.FusedMultiplyAdd(x, b2, c12);
            c13 = Vector512.FusedMultiplyAdd(x, b3, c13);
            x = Vector512.Create(((float*)a2)[p]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            c22 = Vector512.FusedMultiplyAdd(x, b2, c22);
            c23 = Vector512.FusedMultiplyAdd(x, b3, c23);
            x = Vector512.Create(((float*)a3)[p]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            c32 = Vector512.FusedMultiplyAdd(x, b2, c32);
            c33 = Vector512.FusedMultiplyAdd(x, b3, c33);
        }

        Store64(c, c00, c01, c02, c03);
        Store64(c + ldc, c10, c11, c12, c13);
        Store64(c + (2 * ldc), c20, c21, c22, c23);
        Store64(c + (3 * ldc), c30, c31, c32, c33);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows16(int k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool load)
    {
        Vector512<float> c0, c1, c2, c3;
        c0 = c1 = c2 = c3 = Vector512<float>.Zero;
        if (load)
        {
            c0 = Vector512.Load(c);
            c1 = Vector512.Load(c + ldc);
            c2 = Vector512.Load(c + (2 * ldc));
            c3 = Vector512.Load(c + (3 * ldc));
        }

        for (var p = 0; p < k; p++, a++, b += ldb)
        {
            var b0 = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), b0, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a[lda]), b0, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a[2 * lda]), b0, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a[3 * lda]), b0, c3);
        }

        c0.Store(c);
        c1.Store(c + ldc);
        c2.Store(c + (2 * ldc));
        c3.Store(c + (3 * ldc));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow64(int k, float* a, float* b, nint ldb, float* c, bool load)
    {
        Vector512<float> c0, c1, c2, c3;
        c0 = c1 = c2 = c3 = Vector512<float>.Zero;
        if (load) Load64(c, out c0, out c1, out c2, out c3);
        for (var p = 0; p < k; p++, b += ldb)
        {
            var x = Vector512.Create(a[p]);
            c0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), c0);
            c1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), c1);
            c2 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 32), c2);
            c3 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 48), c3);
        }

        Store64(c, c0, c1, c2, c3);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow16(int k, float* a, float* b, nint ldb, float* c, bool load)
    {
        var sum = load ? Vector512.Load(c) : Vector512<float>.Zero;
        for (var p = 0; p < k; p++, b += ldb) sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[p]), Vector512.Load(b), sum);
        sum.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load64(
        float* c, out Vector512<float> c0, out Vector512<float> c1, out Vector512<float> c2, out Vector512<float> c3) =>
        (c0, c1, c2, c3) = (Vector512.Load(c), Vector512.Load(c + 16), Vector512.Load(c + 32), Vector512.Load(c + 48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store64(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
    {
        c0.Store(c);
        c1.Store(c + 16);
        c2.Store(c + 32);
        c3.Store(c + 48);
    }
}
