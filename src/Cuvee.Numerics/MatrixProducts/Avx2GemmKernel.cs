using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// 6 x 16 tile: 12 accumulators, 2 vectors of B and one broadcast of A fill 15 of the 16 registers.
/// </summary>
internal readonly unsafe struct Avx2GemmKernel : IGemmKernel
{
    public static int TallRows => 6;

    public static int LowRows => 2;

    public static int Columns => 16;

    /// <summary>[6, 16] tile.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tall(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector256<float>
            c0L, c0R, c1L, c1R, c2L, c2R, c3L, c3R, c4L, c4R, c5L, c5R;
        if (load)
        {
            var from = c;
            c0L = Vector256.Load(from);
            c0R = Vector256.Load(from + 8);
            from += ldc;
            c1L = Vector256.Load(from);
            c1R = Vector256.Load(from + 8);
            from += ldc;
            c2L = Vector256.Load(from);
            c2R = Vector256.Load(from + 8);
            from += ldc;
            c3L = Vector256.Load(from);
            c3R = Vector256.Load(from + 8);
            from += ldc;
            c4L = Vector256.Load(from);
            c4R = Vector256.Load(from + 8);
            from += ldc;
            c5L = Vector256.Load(from);
            c5R = Vector256.Load(from + 8);
        }
        else
        {
            c0L = c0R = Vector256<float>.Zero;
            c1L = c1R = Vector256<float>.Zero;
            c2L = c2R = Vector256<float>.Zero;
            c3L = c3R = Vector256<float>.Zero;
            c4L = c4R = Vector256<float>.Zero;
            c5L = c5R = Vector256<float>.Zero;
        }

        var a3 = a + (3 * row);
        for (; k > 0; k--)
        {
            var left = Vector256.LoadAligned(b);
            var right = Vector256.LoadAligned(b + 8);
            var x = Vector256.Create(a[0]);
            c0L = Fma.MultiplyAdd(x, left, c0L);
            c0R = Fma.MultiplyAdd(x, right, c0R);
            x = Vector256.Create(a[row]);
            c1L = Fma.MultiplyAdd(x, left, c1L);
            c1R = Fma.MultiplyAdd(x, right, c1R);
            x = Vector256.Create(a[2 * row]);
            c2L = Fma.MultiplyAdd(x, left, c2L);
            c2R = Fma.MultiplyAdd(x, right, c2R);
            x = Vector256.Create(a3[0]);
            c3L = Fma.MultiplyAdd(x, left, c3L);
            c3R = Fma.MultiplyAdd(x, right, c3R);
            x = Vector256.Create(a3[row]);
            c4L = Fma.MultiplyAdd(x, left, c4L);
            c4R = Fma.MultiplyAdd(x, right, c4R);
            x = Vector256.Create(a3[2 * row]);
            c5L = Fma.MultiplyAdd(x, left, c5L);
            c5R = Fma.MultiplyAdd(x, right, c5R);
            a += step;
            a3 += step;
            b += 16;
        }

        c0L.Store(c);
        c0R.Store(c + 8);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 8);
        c += ldc;
        c2L.Store(c);
        c2R.Store(c + 8);
        c += ldc;
        c3L.Store(c);
        c3R.Store(c + 8);
        c += ldc;
        c4L.Store(c);
        c4R.Store(c + 8);
        c += ldc;
        c5L.Store(c);
        c5R.Store(c + 8);
    }

    /// <summary>[2, 16] tile, for the last rows.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Low(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector256<float>
            c0L, c0R, c1L, c1R;
        if (load)
        {
            var from = c;
            c0L = Vector256.Load(from);
            c0R = Vector256.Load(from + 8);
            from += ldc;
            c1L = Vector256.Load(from);
            c1R = Vector256.Load(from + 8);
        }
        else
        {
            c0L = c0R = Vector256<float>.Zero;
            c1L = c1R = Vector256<float>.Zero;
        }

        for (; k > 0; k--)
        {
            var left = Vector256.LoadAligned(b);
            var right = Vector256.LoadAligned(b + 8);
            var x = Vector256.Create(a[0]);
            c0L = Fma.MultiplyAdd(x, left, c0L);
            c0R = Fma.MultiplyAdd(x, right, c0R);
            x = Vector256.Create(a[row]);
            c1L = Fma.MultiplyAdd(x, left, c1L);
            c1R = Fma.MultiplyAdd(x, right, c1R);
            a += step;
            b += 16;
        }

        c0L.Store(c);
        c0R.Store(c + 8);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 8);
    }
}
