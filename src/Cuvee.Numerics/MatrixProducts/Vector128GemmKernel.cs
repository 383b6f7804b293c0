using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>
/// 4 x 8 tile: 8 accumulators, 2 vectors of B, one broadcast of A. Fused where the processor can (arm64), otherwise a product and a sum:
/// an emulated fused operation would cost a library call per element.
/// </summary>
internal readonly unsafe struct Vector128GemmKernel : IGemmKernel
{
    public static int TallRows => 4;

    public static int LowRows => 2;

    public static int Columns => 8;

    /// <summary>[4, 8] tile.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tall(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector128<float>
            c0L, c0R, c1L, c1R, c2L, c2R, c3L, c3R;
        if (load)
        {
            var from = c;
            c0L = Vector128.Load(from);
            c0R = Vector128.Load(from + 4);
            from += ldc;
            c1L = Vector128.Load(from);
            c1R = Vector128.Load(from + 4);
            from += ldc;
            c2L = Vector128.Load(from);
            c2R = Vector128.Load(from + 4);
            from += ldc;
            c3L = Vector128.Load(from);
            c3R = Vector128.Load(from + 4);
        }
        else
        {
            c0L = c0R = Vector128<float>.Zero;
            c1L = c1R = Vector128<float>.Zero;
            c2L = c2R = Vector128<float>.Zero;
            c3L = c3R = Vector128<float>.Zero;
        }

        var a3 = a + (3 * row);
        for (; k > 0; k--)
        {
            var left = Vector128.LoadAligned(b);
            var right = Vector128.LoadAligned(b + 4);
            var x = Vector128.Create(a[0]);
            c0L = MultiplyAdd(x, left, c0L);
            c0R = MultiplyAdd(x, right, c0R);
            x = Vector128.Create(a[row]);
            c1L = MultiplyAdd(x, left, c1L);
            c1R = MultiplyAdd(x, right, c1R);
            x = Vector128.Create(a[2 * row]);
            c2L = MultiplyAdd(x, left, c2L);
            c2R = MultiplyAdd(x, right, c2R);
            x = Vector128.Create(a3[0]);
            c3L = MultiplyAdd(x, left, c3L);
            c3R = MultiplyAdd(x, right, c3R);
            a += step;
            a3 += step;
            b += 8;
        }

        c0L.Store(c);
        c0R.Store(c + 4);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 4);
        c += ldc;
        c2L.Store(c);
        c2R.Store(c + 4);
        c += ldc;
        c3L.Store(c);
        c3R.Store(c + 4);
    }

    /// <summary>[2, 8] tile, for the last rows.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Low(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        Vector128<float>
            c0L, c0R, c1L, c1R;
        if (load)
        {
            var from = c;
            c0L = Vector128.Load(from);
            c0R = Vector128.Load(from + 4);
            from += ldc;
            c1L = Vector128.Load(from);
            c1R = Vector128.Load(from + 4);
        }
        else
        {
            c0L = c0R = Vector128<float>.Zero;
            c1L = c1R = Vector128<float>.Zero;
        }

        for (; k > 0; k--)
        {
            var left = Vector128.LoadAligned(b);
            var right = Vector128.LoadAligned(b + 4);
            var x = Vector128.Create(a[0]);
            c0L = MultiplyAdd(x, left, c0L);
            c0R = MultiplyAdd(x, right, c0R);
            x = Vector128.Create(a[row]);
            c1L = MultiplyAdd(x, left, c1L);
            c1R = MultiplyAdd(x, right, c1R);
            a += step;
            b += 8;
        }

        c0L.Store(c);
        c0R.Store(c + 4);
        c += ldc;
        c1L.Store(c);
        c1R.Store(c + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> MultiplyAdd(Vector128<float> x, Vector128<float> y, Vector128<float> sum) =>
        AdvSimd.IsSupported ? AdvSimd.FusedMultiplyAdd(sum, x, y) : (x * y) + sum;
}
