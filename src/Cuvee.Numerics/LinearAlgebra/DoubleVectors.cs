using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Inner loops in double over contiguous spans of one length. Sums run in 8 lanes (element i in lane i mod 8, unfused) on every processor,
/// folded in a fixed order: the same bits everywhere.
/// </summary>
public static class DoubleVectors
{
    private const int Lanes = 8;

    /// <summary>Sum of x[i] * y[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        CheckLengths(x.Length, y.Length);
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var low = Vector256<double>.Zero;
        var high = Vector256<double>.Zero;
        var i = 0;
        for (; i + Lanes <= x.Length; i += Lanes)
        {
            low += Vector256.LoadUnsafe(ref px, (nuint)i) * Vector256.LoadUnsafe(ref py, (nuint)i);
            high += Vector256.LoadUnsafe(ref px, (nuint)(i + 4)) * Vector256.LoadUnsafe(ref py, (nuint)(i + 4));
        }

        var sum = low + high;
        var result = (sum[0] + sum[2]) + (sum[1] + sum[3]);
        for (; i < x.Length; i++) result += x[i] * y[i];
        return result;
    }

    /// <summary>Sum of x[i]².</summary>
    public static double SumOfSquares(ReadOnlySpan<double> x) => Dot(x, x);

    /// <summary>y += factor * x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(double factor, ReadOnlySpan<double> x, Span<double> y)
    {
        CheckLengths(x.Length, y.Length);
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var f = Vector256.Create(factor);
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
            (Vector256.LoadUnsafe(ref py, (nuint)i) + (f * Vector256.LoadUnsafe(ref px, (nuint)i))).StoreUnsafe(ref py, (nuint)i);
        for (; i < x.Length; i++) y[i] += factor * x[i];
    }

    /// <summary>y += first * u + second * v.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(double first, ReadOnlySpan<double> u, double second, ReadOnlySpan<double> v, Span<double> y)
    {
        CheckLengths(u.Length, y.Length);
        CheckLengths(v.Length, y.Length);
        ref var pu = ref MemoryMarshal.GetReference(u);
        ref var pv = ref MemoryMarshal.GetReference(v);
        ref var py = ref MemoryMarshal.GetReference(y);
        var f = Vector256.Create(first);
        var s = Vector256.Create(second);
        var i = 0;
        for (; i + 4 <= y.Length; i += 4)
        {
            var both = (f * Vector256.LoadUnsafe(ref pu, (nuint)i)) + (s * Vector256.LoadUnsafe(ref pv, (nuint)i));
            (Vector256.LoadUnsafe(ref py, (nuint)i) + both).StoreUnsafe(ref py, (nuint)i);
        }

        for (; i < y.Length; i++) y[i] += (first * u[i]) + (second * v[i]);
    }

    public static void Scale(double factor, Span<double> x)
    {
        for (var i = 0; i < x.Length; i++) x[i] *= factor;
    }

    /// <summary>Plane rotation: (x, y) becomes (cosine * x - sine * y, sine * x + cosine * y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rotate(double cosine, double sine, Span<double> x, Span<double> y)
    {
        CheckLengths(x.Length, y.Length);
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var c = Vector256.Create(cosine);
        var s = Vector256.Create(sine);
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            var u = Vector256.LoadUnsafe(ref px, (nuint)i);
            var v = Vector256.LoadUnsafe(ref py, (nuint)i);
            ((c * u) - (s * v)).StoreUnsafe(ref px, (nuint)i);
            ((s * u) + (c * v)).StoreUnsafe(ref py, (nuint)i);
        }

        for (; i < x.Length; i++) (x[i], y[i]) = ((cosine * x[i]) - (sine * y[i]), (sine * x[i]) + (cosine * y[i]));
    }

    private static void CheckLengths(int x, int y)
    {
        if (x != y) throw new ArgumentException($"The vectors hold {x} and {y} elements; both must be of one length.");
    }
}
