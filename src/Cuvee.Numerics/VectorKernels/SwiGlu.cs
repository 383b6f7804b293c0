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
}
