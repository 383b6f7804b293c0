using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// The gated activation of Llama's feed-forward layer (arXiv 2002.05202): y = silu(gate) * up, silu(g) = g / (1 + e^-g). Element-wise over
/// spans of any one length, so a whole [tokens, intermediate] block may be passed at once.
/// </summary>
public static class SwiGlu
{
    /// <param name="gate">Before the activation.</param>
    /// <param name="up">The linear branch.</param>
    /// <param name="y">May be <paramref name="gate"/> or <paramref name="up"/>.</param>
    public static void Forward(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y)
    {
        FloatVectors.CheckLengths(gate.Length, up.Length);
        FloatVectors.CheckLengths(gate.Length, y.Length);
        var done = LaneWidth.Is512 ? Forward<Float512, Vector512<float>>(gate, up, y, 0)
            : LaneWidth.Is256 ? Forward<Float256, Vector256<float>>(gate, up, y, 0)
            : 0;
        Forward<FloatScalar, float>(gate, up, y, done);
    }

    /// <summary>
    /// Gradients of gate and up: with s = 1 / (1 + e^-gate), d up = dy * gate * s and d gate = dy * up * s * (1 + gate * (1 - s)).
    /// </summary>
    /// <param name="outputGradient">dy</param>
    /// <param name="gateGradient">May be <paramref name="outputGradient"/>.</param>
    public static void Backward(
        ReadOnlySpan<float> gate, ReadOnlySpan<float> up, ReadOnlySpan<float> outputGradient, Span<float> gateGradient,
        Span<float> upGradient)
    {
        FloatVectors.CheckLengths(gate.Length, up.Length);
        FloatVectors.CheckLengths(gate.Length, outputGradient.Length);
        FloatVectors.CheckLengths(gate.Length, gateGradient.Length);
        FloatVectors.CheckLengths(gate.Length, upGradient.Length);
        var done = LaneWidth.Is512 ? Backward<Float512, Vector512<float>>(gate, up, outputGradient, gateGradient, upGradient, 0)
            : LaneWidth.Is256 ? Backward<Float256, Vector256<float>>(gate, up, outputGradient, gateGradient, upGradient, 0)
            : 0;
        Backward<FloatScalar, float>(gate, up, outputGradient, gateGradient, upGradient, done);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Forward<TLanes, TVector>(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var pg = ref MemoryMarshal.GetReference(gate);
        ref var pu = ref MemoryMarshal.GetReference(up);
        ref var py = ref MemoryMarshal.GetReference(y);
        var one = TLanes.Broadcast(1);
        var i = from;
        for (; i + TLanes.Count <= gate.Length; i += TLanes.Count)
        {
            var g = TLanes.Load(ref pg, i);
            var silu = TLanes.Divide(g, TLanes.Add(one, TLanes.Exp(TLanes.Subtract(TLanes.Broadcast(0), g))));
            TLanes.Store(TLanes.Multiply(silu, TLanes.Load(ref pu, i)), ref py, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Backward<TLanes, TVector>(
        ReadOnlySpan<float> gate, ReadOnlySpan<float> up, ReadOnlySpan<float> dy, Span<float> gateGradient, Span<float> upGradient,
        int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var pg = ref MemoryMarshal.GetReference(gate);
        ref var pu = ref MemoryMarshal.GetReference(up);
        ref var pd = ref MemoryMarshal.GetReference(dy);
        ref var pdg = ref MemoryMarshal.GetReference(gateGradient);
        ref var pdu = ref MemoryMarshal.GetReference(upGradient);
        var one = TLanes.Broadcast(1);
        var i = from;
        for (; i + TLanes.Count <= gate.Length; i += TLanes.Count)
        {
            var (g, gradient) = (TLanes.Load(ref pg, i), TLanes.Load(ref pd, i));
            var sigmoid = TLanes.Divide(one, TLanes.Add(one, TLanes.Exp(TLanes.Subtract(TLanes.Broadcast(0), g))));
            var slope = TLanes.Multiply(sigmoid, TLanes.MultiplyAdd(g, TLanes.Subtract(one, sigmoid), one)); // of silu
            TLanes.Store(TLanes.Multiply(gradient, TLanes.Multiply(g, sigmoid)), ref pdu, i);
            TLanes.Store(TLanes.Multiply(TLanes.Multiply(gradient, TLanes.Load(ref pu, i)), slope), ref pdg, i);
        }

        return i;
    }
}
