using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>4 lanes: arm64, and x86 without AVX2, where a product and a sum stand for the fused operation that is missing.</summary>
internal readonly unsafe struct Lanes128 : IStoredLanes<Vector128<float>>
{
    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* target) => value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> x, Vector128<float> y) => x * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> x, Vector128<float> y, Vector128<float> sum) =>
        AdvSimd.IsSupported ? AdvSimd.FusedMultiplyAdd(sum, x, y) : (x * y) + sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FusedMultiplyAdd(Vector128<float> x, Vector128<float> y, Vector128<float> sum) =>
        Vector128.FusedMultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> KeepLarge(Vector128<float> x, Vector128<float> limit) =>
        Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(Vector128.Abs(x), limit), x, Vector128<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBFloat16(ushort* source) =>
        (Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadFloat16(ushort* source)
    {
        var wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsInt16());
        var bits = (wide << Float16Bits.Shift) & Vector128.Create(Float16Bits.Mask);
        var value = bits.AsSingle() * Vector128.Create(Float16Bits.Magnitude);
        var special = Vector128.GreaterThanOrEqual(Vector128.Abs(value), Vector128.Create(Float16Bits.Special));
        return Vector128.ConditionalSelect(special, (bits | Vector128.Create(Float16Bits.SpecialExponent)).AsSingle(), value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadInt8(sbyte* source)
    {
        var words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(source)).AsSByte());
        return Vector128.ConvertToSingle(Vector128.WidenLower(words));
    }

    // (0 + 2) + (1 + 3), the four vectors side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fold(
        Vector128<float> first, Vector128<float> second, Vector128<float> third, Vector128<float> fourth, float* target)
    {
        var (low01, high01) = (Zip.Low(first, second), Zip.High(first, second)); // [a0 b0 a1 b1], [a2 b2 a3 b3]
        var (low23, high23) = (Zip.Low(third, fourth), Zip.High(third, fourth));
        var (pairs01, pairs23) = ((low01 + high01).AsDouble(), (low23 + high23).AsDouble()); // [a0+a2 b0+b2 a1+a3 b1+b3]
        (Zip.Low(pairs01, pairs23).AsSingle() + Zip.High(pairs01, pairs23).AsSingle()).Store(target);
    }
}
