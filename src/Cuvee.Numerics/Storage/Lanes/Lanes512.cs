using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>16 lanes, AVX-512.</summary>
internal readonly unsafe struct Lanes512 : IStoredLanes<Vector512<float>>
{
    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* target) => value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> x, Vector512<float> y) => x * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
        Avx512F.FusedMultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FusedMultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
        Vector512.FusedMultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> KeepLarge(Vector512<float> x, Vector512<float> limit) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(Vector512.Abs(x), limit), x, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBFloat16(ushort* source) =>
        (Avx512F.ConvertToVector512UInt32(Vector256.Load(source)) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFloat16(ushort* source)
    {
        var bits = (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)source)) << Float16Bits.Shift)
            & Vector512.Create(Float16Bits.Mask);
        var value = bits.AsSingle() * Vector512.Create(Float16Bits.Magnitude);
        var special = Vector512.GreaterThanOrEqual(Vector512.Abs(value), Vector512.Create(Float16Bits.Special));
        return Vector512.ConditionalSelect(special, (bits | Vector512.Create(Float16Bits.SpecialExponent)).AsSingle(), value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadInt8(sbyte* source) =>
        Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fold(
        Vector512<float> first, Vector512<float> second, Vector512<float> third, Vector512<float> fourth, float* target) =>
        Lanes256.Fold(
            first.GetLower() + first.GetUpper(), second.GetLower() + second.GetUpper(),
            third.GetLower() + third.GetUpper(), fourth.GetLower() + fourth.GetUpper(), target);
}
