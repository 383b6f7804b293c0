using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Inner loops in fp32 over contiguous spans of one length. Element-wise results have the same bits in every vector width.
/// </summary>
public static class FloatVectors
{
    /// <summary>Sum of x[i] * y[i], in fp32 lanes folded in double; its bits depend on the vector width.</summary>
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        CheckLengths(x.Length, y.Length);
        return LaneWidth.Is512 ? Dot<Float512, Vector512<float>>(x, y)
            : LaneWidth.Is256 ? Dot<Float256, Vector256<float>>(x, y)
            : Dot<FloatScalar, float>(x, y);
    }

    /// <summary>y += factor * x, each element one fused multiply-add.</summary>
    public static void AddScaled(float factor, ReadOnlySpan<float> x, Span<float> y)
    {
        CheckLengths(x.Length, y.Length);
        var done = LaneWidth.Is512 ? AddScaled<Float512, Vector512<float>>(factor, x, y, 0)
            : LaneWidth.Is256 ? AddScaled<Float256, Vector256<float>>(factor, x, y, 0)
            : 0;
        AddScaled<FloatScalar, float>(factor, x, y, done);
    }

    /// <summary>y += x.</summary>
    public static void Add(ReadOnlySpan<float> x, Span<float> y) => AddScaled(1, x, y);

    /// <summary>x *= factor.</summary>
    public static void Scale(float factor, Span<float> x)
    {
        var done = LaneWidth.Is512 ? Scale<Float512, Vector512<float>>(factor, x, 0)
            : LaneWidth.Is256 ? Scale<Float256, Vector256<float>>(factor, x, 0)
            : 0;
        Scale<FloatScalar, float>(factor, x, done);
    }

    /// <summary>The largest element, minus infinity for none; undefined where an element is NaN.</summary>
    public static float Max(ReadOnlySpan<float> x) =>
        LaneWidth.Is512 ? Max<Float512, Vector512<float>>(x)
            : LaneWidth.Is256 ? Max<Float256, Vector256<float>>(x)
            : Max<FloatScalar, float>(x);

    internal static void CheckLengths(int x, int y)
    {
        if (x != y) throw new ArgumentException($"The vectors hold {x} and {y} elements; both must be of one length.");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Dot<TLanes, TVector>(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var width = TLanes.Count;
        TVector s0 = TLanes.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
        var i = 0;
        for (; i + (4 * width) <= x.Length; i += 4 * width)
        {
            s0 = TLanes.MultiplyAdd(TLanes.Load(ref px, i), TLanes.Load(ref py, i), s0);
            s1 = TLanes.MultiplyAdd(TLanes.Load(ref px, i + width), TLanes.Load(ref py, i + width), s1);
            s2 = TLanes.MultiplyAdd(TLanes.Load(ref px, i + (2 * width)), TLanes.Load(ref py, i + (2 * width)), s2);
            s3 = TLanes.MultiplyAdd(TLanes.Load(ref px, i + (3 * width)), TLanes.Load(ref py, i + (3 * width)), s3);
        }

        for (; i + width <= x.Length; i += width) s0 = TLanes.MultiplyAdd(TLanes.Load(ref px, i), TLanes.Load(ref py, i), s0);
        var sum = (TLanes.Sum(s0) + TLanes.Sum(s1)) + (TLanes.Sum(s2) + TLanes.Sum(s3));
        for (; i < x.Length; i++) sum += (double)x[i] * y[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int AddScaled<TLanes, TVector>(float factor, ReadOnlySpan<float> x, Span<float> y, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var f = TLanes.Broadcast(factor);
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
            TLanes.Store(TLanes.MultiplyAdd(f, TLanes.Load(ref px, i), TLanes.Load(ref py, i)), ref py, i);
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Scale<TLanes, TVector>(float factor, Span<float> x, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        var f = TLanes.Broadcast(factor);
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count) TLanes.Store(TLanes.Multiply(f, TLanes.Load(ref px, i)), ref px, i);
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Max<TLanes, TVector>(ReadOnlySpan<float> x)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        var lanes = TLanes.Broadcast(float.NegativeInfinity);
        var i = 0;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count) lanes = TLanes.Max(lanes, TLanes.Load(ref px, i));
        var result = TLanes.MaxAcross(lanes);
        for (; i < x.Length; i++) result = x[i] > result ? x[i] : result;
        return result;
    }
}
