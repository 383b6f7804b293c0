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
    public static void Forward(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        FloatVectors.CheckLengths(x.Length, weight.Length);
        FloatVectors.CheckLengths(x.Length, y.Length);
        if (x.IsEmpty) return;
        var inverse = (float)(1 / Math.Sqrt((FloatVectors.Dot(x, x) / x.Length) + epsilon));
        var done = LaneWidth.Is512 ? Forward<Float512, Vector512<float>>(x, weight, inverse, y, 0)
            : LaneWidth.Is256 ? Forward<Float256, Vector256<float>>(x, weight, inverse, y, 0)
            : 0;
        Forward<FloatScalar, float>(x, weight, inverse, y, done);
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
}
