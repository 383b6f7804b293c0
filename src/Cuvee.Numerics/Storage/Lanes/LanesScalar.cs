using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>The scalar twin: one lane, a product and a sum.</summary>
internal readonly unsafe struct LanesScalar : IStoredLanes<float>
{
    public static int Count => 1;

    public static float Load(float* source) => Unsafe.ReadUnaligned<float>(source);

    public static void Store(float value, float* target) => *target = value;

    public static float Broadcast(float value) => value;

    public static float Multiply(float x, float y) => x * y;

    public static float MultiplyAdd(float x, float y, float sum) => (x * y) + sum;

    public static float FusedMultiplyAdd(float x, float y, float sum) => MathF.FusedMultiplyAdd(x, y, sum);

    public static float KeepLarge(float x, float limit) => MathF.Abs(x) >= limit ? x : 0;

    public static float LoadBFloat16(ushort* source) => BFloat16.ToSingle(Unsafe.ReadUnaligned<ushort>(source));

    public static float LoadFloat16(ushort* source) => Float16Bits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));

    public static float LoadInt8(sbyte* source) => *source;

    public static void Fold(float first, float second, float third, float fourth, float* target) =>
        (target[0], target[1], target[2], target[3]) = (first, second, third, fourth);
}
