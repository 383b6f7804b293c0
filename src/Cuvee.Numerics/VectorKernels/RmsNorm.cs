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
        var inverse = InverseRoot(x, epsilon);
        var done = LaneWidth.Is512 ? Forward<Float512, Vector512<float>>(x, weight, inverse, y, 0)
            : LaneWidth.Is256 ? Forward<Float256, Vector256<float>>(x, weight, inverse, y, 0)
            : 0;
        Forward<FloatScalar, float>(x, weight, inverse, y, done);
    }

    /// <summary>
    /// Adds the gradient of x: with r = 1 / sqrt(mean(x²) + epsilon), dx += r * weight * dy - x * r³ * mean(weight * dy * x); and that of
    /// the weight, dw += r * x * dy.
    /// </summary>
    /// <param name="outputGradient">dy</param>
    /// <param name="inputGradient">dx</param>
    /// <param name="weightGradient">dw; empty where the weight is frozen.</param>
    public static void Backward(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, ReadOnlySpan<float> outputGradient, Span<float> inputGradient,
        Span<float> weightGradient)
    {
        FloatVectors.CheckLengths(x.Length, weight.Length);
        FloatVectors.CheckLengths(x.Length, outputGradient.Length);
        FloatVectors.CheckLengths(x.Length, inputGradient.Length);
        if (!weightGradient.IsEmpty) FloatVectors.CheckLengths(x.Length, weightGradient.Length);
        if (x.IsEmpty) return;
        var inverse = InverseRoot(x, epsilon);
        var projection = LaneWidth.Is512 ? Projection<Float512, Vector512<float>>(x, weight, outputGradient)
            : LaneWidth.Is256 ? Projection<Float256, Vector256<float>>(x, weight, outputGradient)
            : Projection<FloatScalar, float>(x, weight, outputGradient);
        var pull = (float)(projection / x.Length * inverse * inverse * inverse);
        var done = LaneWidth.Is512
            ? Backward<Float512, Vector512<float>>(x, weight, inverse, pull, outputGradient, inputGradient, weightGradient, 0)
            : LaneWidth.Is256
                ? Backward<Float256, Vector256<float>>(x, weight, inverse, pull, outputGradient, inputGradient, weightGradient, 0)
                : 0;
        Backward<FloatScalar, float>(x, weight, inverse, pull, outputGradient, inputGradient, weightGradient, done);
    }

    private static float InverseRoot(ReadOnlySpan<float> x, float epsilon) =>
        (float)(1 / Math.Sqrt((FloatVectors.Dot(x, x) / x.Length) + epsilon));

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

    // Sum of weight * dy * x.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Projection<TLanes, TVector>(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> dy)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var pw = ref MemoryMarshal.GetReference(weight);
        ref var pd = ref MemoryMarshal.GetReference(dy);
        var lanes = TLanes.Broadcast(0);
        var i = 0;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
            lanes = TLanes.MultiplyAdd(TLanes.Multiply(TLanes.Load(ref pw, i), TLanes.Load(ref pd, i)), TLanes.Load(ref px, i), lanes);
        var sum = TLanes.Sum(lanes);
        for (; i < x.Length; i++) sum += (double)weight[i] * dy[i] * x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Backward<TLanes, TVector>(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float inverse, float pull, ReadOnlySpan<float> dy, Span<float> dx,
        Span<float> dw, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var pw = ref MemoryMarshal.GetReference(weight);
        ref var pd = ref MemoryMarshal.GetReference(dy);
        ref var pdx = ref MemoryMarshal.GetReference(dx);
        ref var pdw = ref MemoryMarshal.GetReference(dw);
        var (r, p) = (TLanes.Broadcast(inverse), TLanes.Broadcast(-pull));
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count)
        {
            var (source, gradient) = (TLanes.Load(ref px, i), TLanes.Load(ref pd, i));
            var pulled = TLanes.MultiplyAdd(p, source, TLanes.Load(ref pdx, i));
            TLanes.Store(TLanes.MultiplyAdd(r, TLanes.Multiply(TLanes.Load(ref pw, i), gradient), pulled), ref pdx, i);
            if (!dw.IsEmpty) TLanes.Store(TLanes.MultiplyAdd(r, TLanes.Multiply(source, gradient), TLanes.Load(ref pdw, i)), ref pdw, i);
        }

        return i;
    }
}
