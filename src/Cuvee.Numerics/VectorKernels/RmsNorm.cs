using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Root mean square normalisation of one row (arXiv 1910.07467): y = weight * x / sqrt(mean(x²) + epsilon). All spans are [hidden].
/// </summary>
public static class RmsNorm
{
    /// <param name="x">The row.</param>
    /// <param name="weight">The learned gain.</param>
    /// <param name="epsilon">Added to the mean square, 1e-5 or 1e-6 in Llama models.</param>
    /// <param name="y">May be <paramref name="x"/>.</param>
    /// <returns>1 / sqrt(mean(x²) + epsilon), which <see cref="Backward"/> wants back.</returns>
    public static float Forward(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        FloatVectors.CheckLengths(x.Length, weight.Length);
        FloatVectors.CheckLengths(x.Length, y.Length);
        if (x.IsEmpty) return 0;
        var inverse = (float)(1 / Math.Sqrt((FloatVectors.Dot(x, x) / x.Length) + epsilon));
        var done = LaneWidth.Is512 ? Forward<Float512, Vector512<float>>(x, weight, inverse, y, 0)
            : LaneWidth.Is256 ? Forward<Float256, Vector256<float>>(x, weight, inverse, y, 0)
            : 0;
        Forward<FloatScalar, float>(x, weight, inverse, y, done);
        return inverse;
    }

    /// <summary>
    /// Adds the gradients to <paramref name="dx"/> and, unless it is empty (a frozen weight), <paramref name="dWeight"/>:
    /// dx += r w dy - x r³ sum(w dy x) / n and dw += dy x r, with r the inverse that <see cref="Forward"/> returned.
    /// </summary>
    public static void Backward(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float inverse, ReadOnlySpan<float> dy, Span<float> dx, Span<float> dWeight)
    {
        FloatVectors.CheckLengths(x.Length, weight.Length);
        FloatVectors.CheckLengths(x.Length, dy.Length);
        FloatVectors.CheckLengths(x.Length, dx.Length);
        if (!dWeight.IsEmpty) FloatVectors.CheckLengths(x.Length, dWeight.Length);
        if (x.IsEmpty) return;
        if (LaneWidth.Is512) Backward<Float512, Vector512<float>>(x, weight, inverse, dy, dx, dWeight);
        else if (LaneWidth.Is256) Backward<Float256, Vector256<float>>(x, weight, inverse, dy, dx, dWeight);
        else Backward<FloatScalar, float>(x, weight, inverse, dy, dx, dWeight);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Forward<TLanes, TVector>(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float inverse, Span<float> y, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var pw = ref MemoryMarshal.GetReference(weight);
        ref var py = ref MemoryMarshal.GetReference(y);
        var r = TLanes.Broadcast(inverse);
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
            TLanes.Store(TLanes.Multiply(TLanes.Load(ref pw, i), TLanes.Multiply(TLanes.Load(ref px, i), r)), ref py, i);
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Backward<TLanes, TVector>(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float inverse, ReadOnlySpan<float> dy, Span<float> dx, Span<float> dWeight)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var pw = ref MemoryMarshal.GetReference(weight);
        ref var pg = ref MemoryMarshal.GetReference(dy);
        var lanes = TLanes.Broadcast(0);
        var i = 0;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
        {
            var scaled = TLanes.Multiply(TLanes.Load(ref pw, i), TLanes.Load(ref pg, i));
            lanes = TLanes.MultiplyAdd(scaled, TLanes.Load(ref px, i), lanes);
        }

        var sum = TLanes.Sum(lanes);
        for (; i < x.Length; i++) sum += (double)(weight[i] * dy[i]) * x[i];
        var pull = (float)(-sum / x.Length * inverse * inverse * inverse);
        var done = BackwardElements<TLanes, TVector>(x, weight, inverse, pull, dy, dx, dWeight, 0);
        BackwardElements<FloatScalar, float>(x, weight, inverse, pull, dy, dx, dWeight, done);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int BackwardElements<TLanes, TVector>(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float inverse, float pull,
        ReadOnlySpan<float> dy, Span<float> dx, Span<float> dWeight, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var pw = ref MemoryMarshal.GetReference(weight);
        ref var pg = ref MemoryMarshal.GetReference(dy);
        ref var pdx = ref MemoryMarshal.GetReference(dx);
        ref var pdw = ref MemoryMarshal.GetReference(dWeight);
        var r = TLanes.Broadcast(inverse);
        var towards = TLanes.Broadcast(pull);
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
        {
            var value = TLanes.Load(ref px, i);
            var gradient = TLanes.Multiply(TLanes.Load(ref pg, i), r);
            var total = TLanes.MultiplyAdd(TLanes.Load(ref pw, i), gradient, TLanes.Load(ref pdx, i));
            TLanes.Store(TLanes.MultiplyAdd(value, towards, total), ref pdx, i);
            if (!dWeight.IsEmpty) TLanes.Store(TLanes.MultiplyAdd(value, gradient, TLanes.Load(ref pdw, i)), ref pdw, i);
        }

        return i;
    }
}
