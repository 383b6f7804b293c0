using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>8 lanes, AVX2 with FMA.</summary>
internal readonly unsafe struct Lanes256 : IStoredLanes<Vector256<float>>
{
    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* target) => value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> x, Vector256<float> y) => x * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> sum) =>
        Fma.MultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FusedMultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> sum) =>
        Vector256.FusedMultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> KeepLarge(Vector256<float> x, Vector256<float> limit) =>
        Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(Vector256.Abs(x), limit), x, Vector256<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBFloat16(ushort* source) => (Avx2.ConvertToVector256Int32(source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFloat16(ushort* source)
    {
        var bits = (Avx2.ConvertToVector256Int32((short*)source) << Float16Bits.Shift) & Vector256.Create(Float16Bits.Mask);
        var value = bits.AsSingle() * Vector256.Create(Float16Bits.Magnitude);
        var special = Vector256.GreaterThanOrEqual(Vector256.Abs(value), Vector256.Create(Float16Bits.Special));
        return Vector256.ConditionalSelect(special, (bits | Vector256.Create(Float16Bits.SpecialExponent)).AsSingle(), value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadInt8(sbyte* source) => Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fold(
        Vector256<float> first, Vector256<float> second, Vector256<float> third, Vector256<float> fourth, float* target) =>
        Lanes128.Fold(
            first.GetLower() + first.GetUpper(), second.GetLower() + second.GetUpper(),
            third.GetLower() + third.GetUpper(), fourth.GetLower() + fourth.GetUpper(), target);
}
