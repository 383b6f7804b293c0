using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Conversions between fp32 and IEEE half precision over spans, equal to the casts of <see cref="Half"/> (NaN payloads aside).
/// </summary>
public static class Float16
{
    private const int Lanes = 16;
    private const uint SingleInfinity = 0x7F800000, HalfInfinity = 0x7C00, HalfQuietNaN = 0x7E00;
    private const uint ExponentShift = 112u << 23; // bias 127 less bias 15

    /// <summary>Exact; both spans of one length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(ReadOnlySpan<Half> source, Span<float> target)
    {
        FloatVectors.CheckLengths(source.Length, target.Length);
        ref var from = ref Unsafe.As<Half, ushort>(ref MemoryMarshal.GetReference(source));
        ref var to = ref MemoryMarshal.GetReference(target);
        var i = 0;
        for (; LaneWidth.Is256 && i + Lanes <= source.Length; i += Lanes)
        {
            var (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref from, (nuint)i));
            Expand(lower).StoreUnsafe(ref to, (nuint)i);
            Expand(upper).StoreUnsafe(ref to, (nuint)(i + 8));
        }

        for (; i < source.Length; i++) target[i] = (float)source[i];
    }

    /// <summary>Rounds to nearest, ties to even; from 65520 on infinity; NaN stays NaN (quiet).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromSingle(ReadOnlySpan<float> source, Span<Half> target)
    {
        FloatVectors.CheckLengths(source.Length, target.Length);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref Unsafe.As<Half, ushort>(ref MemoryMarshal.GetReference(target));
        var i = 0;
        for (; LaneWidth.Is256 && i + Lanes <= source.Length; i += Lanes)
        {
            var lower = Round(Vector256.LoadUnsafe(ref from, (nuint)i));
            var upper = Round(Vector256.LoadUnsafe(ref from, (nuint)(i + 8)));
            Vector256.Narrow(lower, upper).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < source.Length; i++) target[i] = (Half)source[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Expand(Vector256<uint> half)
    {
        var sign = (half & Vector256.Create(0x8000u)) << 16;
        var magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        // Times 2^112 moves the exponent and normalises the subnormals in one exact step.
        var value = (magnitude.AsSingle() * Vector256.Create(BitConverter.UInt32BitsToSingle((112u + 127u) << 23))).AsUInt32();
        var special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(HalfInfinity << 13));
        value = Vector256.ConditionalSelect(special, magnitude | Vector256.Create(SingleInfinity), value);
        return (value | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var sign = (bits >> 16) & Vector256.Create(0x8000u);
        var magnitude = bits & Vector256.Create(0x7FFFFFFFu);
        var tie = (magnitude >> 13) & Vector256<uint>.One;
        var normal = (magnitude - Vector256.Create(ExponentShift) + Vector256.Create(0xFFFu) + tie) >> 13;
        // Beside 0.5 a float counts in steps of 2^-24, the smallest half: the addition rounds the subnormals.
        var half = Vector256.Create(0.5f);
        var subnormal = (magnitude.AsSingle() + half).AsUInt32() - half.AsUInt32();
        var result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(113u << 23)), subnormal, normal);
        result = Vector256.ConditionalSelect(
            Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x477FF000u)), Vector256.Create(HalfInfinity), result); // 65520
        result = Vector256.ConditionalSelect(
            Vector256.GreaterThan(magnitude, Vector256.Create(SingleInfinity)), Vector256.Create(HalfQuietNaN), result);
        return result | sign;
    }
}
