using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// e^x in fp32, the same bits in every vector width and in scalar form. Relative error below 1.2e-7 (2 units in the last place); results
/// below 2^-126 become 0, above the largest float infinity; NaN stays NaN; e^0 is exactly 1.
/// </summary>
/// <remarks>x = i ln 2 + r with |r| &lt;= ln 2 / 2, e^r by its Taylor series to r^7 (remainder 5e-9), times 2^i.</remarks>
public static class VectorMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693359375f; // 9 bits: i * Ln2High is exact
    private const float Ln2Low = -2.12194440e-4f;
    private const float RoundToInteger = 12582912f; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    private const float Overflow = 89f;
    private const float Underflow = -87.33654f; // ln 2^-126
    private const float T2 = 1f / 2, T3 = 1f / 6, T4 = 1f / 24, T5 = 1f / 120, T6 = 1f / 720, T7 = 1f / 5040;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var bounded = Vector512.MinNative(Vector512.Create(Overflow), x);
        var shifted = Vector512.FusedMultiplyAdd(bounded, Vector512.Create(Log2E), Vector512.Create(RoundToInteger));
        var i = shifted - Vector512.Create(RoundToInteger);
        var r = Vector512.FusedMultiplyAdd(i, Vector512.Create(-Ln2High), bounded);
        r = Vector512.FusedMultiplyAdd(i, Vector512.Create(-Ln2Low), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(T7), r, Vector512.Create(T6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(T5));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(T4));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(T3));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(T2));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        var tiny = Vector512.LessThan(x, Vector512.Create(Underflow));
        if (Avx512F.IsSupported) return Vector512.AndNot(Avx512F.Scale(p, i), tiny);
        var integer = shifted.AsInt32() - Vector512.Create(RoundToInteger).AsInt32();
        var half = integer >> 1; // 2^i in two factors, because 2^128 is no float
        var first = ((half + Vector512.Create(127)) << 23).AsSingle();
        var second = ((integer - half + Vector512.Create(127)) << 23).AsSingle();
        return Vector512.AndNot(p * first * second, tiny);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        var bounded = Vector256.MinNative(Vector256.Create(Overflow), x);
        var shifted = Vector256.FusedMultiplyAdd(bounded, Vector256.Create(Log2E), Vector256.Create(RoundToInteger));
        var i = shifted - Vector256.Create(RoundToInteger);
        var r = Vector256.FusedMultiplyAdd(i, Vector256.Create(-Ln2High), bounded);
        r = Vector256.FusedMultiplyAdd(i, Vector256.Create(-Ln2Low), r);
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(T7), r, Vector256.Create(T6));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(T5));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(T4));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(T3));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(T2));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256<float>.One);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256<float>.One);
        var integer = shifted.AsInt32() - Vector256.Create(RoundToInteger).AsInt32();
        var half = integer >> 1;
        var first = ((half + Vector256.Create(127)) << 23).AsSingle();
        var second = ((integer - half + Vector256.Create(127)) << 23).AsSingle();
        return Vector256.AndNot(p * first * second, Vector256.LessThan(x, Vector256.Create(Underflow)));
    }

    /// <summary>The scalar twin.</summary>
    public static float Exp(float x)
    {
        if (x < Underflow) return 0;
        var bounded = x > Overflow ? Overflow : x;
        var shifted = MathF.FusedMultiplyAdd(bounded, Log2E, RoundToInteger);
        var i = shifted - RoundToInteger;
        var r = MathF.FusedMultiplyAdd(i, -Ln2High, bounded);
        r = MathF.FusedMultiplyAdd(i, -Ln2Low, r);
        var p = MathF.FusedMultiplyAdd(T7, r, T6);
        p = MathF.FusedMultiplyAdd(p, r, T5);
        p = MathF.FusedMultiplyAdd(p, r, T4);
        p = MathF.FusedMultiplyAdd(p, r, T3);
        p = MathF.FusedMultiplyAdd(p, r, T2);
        p = MathF.FusedMultiplyAdd(p, r, 1f);
        p = MathF.FusedMultiplyAdd(p, r, 1f);
        var integer = BitConverter.SingleToInt32Bits(shifted) - BitConverter.SingleToInt32Bits(RoundToInteger);
        var half = integer >> 1;
        return p * BitConverter.Int32BitsToSingle((half + 127) << 23) * BitConverter.Int32BitsToSingle((integer - half + 127) << 23);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Exp<TLanes, TVector>(ReadOnlySpan<float> x, Span<float> y, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var i = from;
        for (; i + TLanes.Count <= x.Length; i += TLanes.Count) TLanes.Store(TLanes.Exp(TLanes.Load(ref px, i)), ref py, i);
        return i;
    }
}
