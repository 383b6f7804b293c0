using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// 12 x 32 tile: 24 accumulators, 2 vectors of B and one broadcast of A fill 27 of the 32 registers. Named locals, because RyuJIT keeps
/// arrays of vectors in memory.
/// </summary>
internal readonly unsafe struct Avx512GemmKernel : IGemmKernel
{
    public static int TallRows => 12;

    public static int LowRows => 4;

    public static int Columns => 32;

    /// <summary>[12, 32] tile.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tall(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector512<float>
            c0L, c0R, c1L, c1R, c2L, c2R, c3L, c3R, c4L, c4R, c5L, c5R,
            c6L, c6R, c7L, c7R, c8L, c8R, c9L, c9R, c10L, c10R, c11L, c11R;
        if (load)
        {
            var from = c;
            c0L = Vector512.Load(from);
            c0R = Vector512.Load(from + 16);
            from += ldc;
            c1L = Vector512.Load(from);
            c1R = Vector512.Load(from + 16);
            from += ldc;
            c2L = Vector512.Load(from);
            c2R = Vector512.Load(from + 16);
            from += ldc;
            c3L = Vector512.Load(from);
            c3R = Vector512.Load(from + 16);
            from += ldc;
            c4L = Vector512.Load(from);
            c4R = Vector512.Load(from + 16);
            from += ldc;
            c5L = Vector512.Load(from);
            c5R = Vector512.Load(from + 16);
            from += ldc;
            c6L = Vector512.Load(from);
            c6R = Vector512.Load(from + 16);
            from += ldc;
            c7L = Vector512.Load(from);
            c7R = Vector512.Load(from + 16);
            from += ldc;
            c8L = Vector512.Load(from);
            c8R = Vector512.Load(from + 16);
            from += ldc;
            c9L = Vector512.Load(from);
            c9R = Vector512.Load(from + 16);
            from += ldc;
            c10L = Vector512.Load(from);
            c10R = Vector512.Load(from + 16);
            from += ldc;
            c11L = Vector512.Load(from);
            c11R = Vector512.Load(from + 16);
        }
        else
        {
            c0L = c0R = Vector512<float>.Zero;
            c1L = c1R = Vector512<float>.Zero;
            c2L = c2R = Vector512<float>.Zero;
            c3L = c3R = Vector512<float>.Zero;
            c4L = c4R = Vector512<float>.Zero;
            c5L = c5R = Vector512<float>.Zero;
            c6L = c6R = Vector512<float>.Zero;
            c7L = c7R = Vector512<float>.Zero;
            c8L = c8R = Vector512<float>.Zero;
            c9L = c9R = Vector512<float>.Zero;
            c10L = c10R = Vector512<float>.Zero;
            c11L = c11R = Vector512<float>.Zero;
        }

        var a3 = a + (3 * row);
        var a6 = a3 + (3 * row);
        var a9 = a6 + (3 * row);
        for (; k > 0; k--)
        {
            var left = Vector512.LoadAligned(b);
            var right = Vector512.LoadAligned(b + 16);
            var x = Vector512.Create(a[0]);
            c0L = Avx512F.FusedMultiplyAdd(x, left, c0L);
            c0R = Avx512F.FusedMultiplyAdd(x, right, c0R);
            x = Vector512.Create(a[row]);
            c1L = Avx512F.FusedMultiplyAdd(x, left, c1L);
            c1R = Avx512F.FusedMultiplyAdd(x, right, c1R);
            x = Vector512.Create(a[2 * row]);
            c2L = Avx512F.FusedMultiplyAdd(x, left, c2L);
            c2R = Avx512F.FusedMultiplyAdd(x, right, c2R);
            x = Vector512.Create(a3[0]);
            c3L = Avx512F.FusedMultiplyAdd(x, left, c3L);
            c3R = Avx512F.FusedMultiplyAdd(x, right, c3R);
            x = Vector512.Create(a3[row]);
            c4L = Avx512F.FusedMultiplyAdd(x, left, c4L);
            c4R = Avx512F.FusedMultiplyAdd(x, right, c4R);
            x = Vector512.Create(a3[2 * row]);
            c5L = Avx512F.FusedMultiplyAdd(x, left, c5L);
            c5R = Avx512F.FusedMultiplyAdd(x, right, c5R);
            x = Vector512.Create(a6[0]);
            c6L = Avx512F.FusedMultiplyAdd(x, left, c6L);
            c6R = Avx512F.FusedMultiplyAdd(x, right, c6R);
            x = Vector512.Create(a6[row]);
            c7L = Avx512F.FusedMultiplyAdd(x, left, c7L);
            c7R = Avx512F.FusedMultiplyAdd(x, right, c7R);
            x = Vector512.Create(a6[2 * row]);
            c8L = Avx512F.FusedMultiplyAdd(x, left, c8L);
            c8R = Avx512F.FusedMultiplyAdd(x, right, c8R);
            x = Vector512.Create(a9[0]);
            c9L = Avx512F.FusedMultiplyAdd(x, left, c9L);
            c9R = Avx512F.FusedMultiplyAdd(x, right, c9R);
            x = Vector512.Create(a9[row]);
            c10L = Avx512F.FusedMultiplyAdd(x, left, c10L);
            c10R = Avx512F.FusedMultiplyAdd(x, right, c10R);
            x = Vector512.Create(a9[2 * row]);
            c11L = Avx512F.FusedMultiplyAdd(x, left, c11L);
            c11R = Avx512F.FusedMultiplyAdd(x, right, c11R);
            a += step;
            a3 += step;
            a6 += step;
            a9 += step;
            b += 32;
        }

        c0L.Store(c);
        c0R.Store(c + 16);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 16);
        c += ldc;
        c2L.Store(c);
        c2R.Store(c + 16);
        c += ldc;
        c3L.Store(c);
        c3R.Store(c + 16);
        c += ldc;
        c4L.Store(c);
        c4R.Store(c + 16);
        c += ldc;
        c5L.Store(c);
        c5R.Store(c + 16);
        c += ldc;
        c6L.Store(c);
        c6R.Store(c + 16);
        c += ldc;
        c7L.Store(c);
        c7R.Store(c + 16);
        c += ldc;
        c8L.Store(c);
        c8R.Store(c + 16);
        c += ldc;
        c9L.Store(c);
        c9R.Store(c + 16);
        c += ldc;
        c10L.Store(c);
        c10R.Store(c + 16);
        c += ldc;
        c11L.Store(c);
        c11R.Store(c + 16);
    }

    /// <summary>[4, 32] tile, for the last rows.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Low(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector512<float>
            c0L, c0R, c1L, c1R, c2L, c2R, c3L, c3R;
        if (load)
        {
            var from = c;
            c0L = Vector512.Load(from);
            c0R = Vector512.Load(from + 16);
            from += ldc;
            c1L = Vector512.Load(from);
            c1R = Vector512.Load(from + 16);
            from += ldc;
            c2L = Vector512.Load(from);
            c2R = Vector512.Load(from + 16);
            from += ldc;
            c3L = Vector512.Load(from);
            c3R = Vector512.Load(from + 16);
        }
        else
        {
            c0L = c0R = Vector512<float>.Zero;
            c1L = c1R = Vector512<float>.Zero;
            c2L = c2R = Vector512<float>.Zero;
            c3L = c3R = Vector512<float>.Zero;
        }

        var a3 = a + (3 * row);
        for (; k > 0; k--)
        {
            var left = Vector512.LoadAligned(b);
            var right = Vector512.LoadAligned(b + 16);
            var x = Vector512.Create(a[0]);
            c0L = Avx512F.FusedMultiplyAdd(x, left, c0L);
            c0R = Avx512F.FusedMultiplyAdd(x, right, c0R);
            x = Vector512.Create(a[row]);
            c1L = Avx512F.FusedMultiplyAdd(x, left, c1L);
            c1R = Avx512F.FusedMultiplyAdd(x, right, c1R);
            x = Vector512.Create(a[2 * row]);
            c2L = Avx512F.FusedMultiplyAdd(x, left, c2L);
            c2R = Avx512F.FusedMultiplyAdd(x, right, c2R);
            x = Vector512.Create(a3[0]);
            c3L = Avx512F.FusedMultiplyAdd(x, left, c3L);
            c3R = Avx512F.FusedMultiplyAdd(x, right, c3R);
            a += step;
            a3 += step;
            b += 32;
        }

        c0L.Store(c);
        c0R.Store(c + 16);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 16);
        c += ldc;
        c2L.Store(c);
        c2R.Store(c + 16);
        c += ldc;
        c3L.Store(c);
        c3R.Store(c + 16);
    }
}
