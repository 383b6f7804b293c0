using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>The scalar twin: one lane.</summary>
internal readonly struct FloatScalar : IFloatLanes<float>
{
    public static int Count => 1;

    public static float Load(ref float source, int index) => Unsafe.Add(ref source, index);

    public static void Store(float value, ref float target, int index) => Unsafe.Add(ref target, index) = value;

    public static float Broadcast(float value) => value;

    public static float Add(float x, float y) => x + y;

    public static float Subtract(float x, float y) => x - y;

    public static float Multiply(float x, float y) => x * y;

    public static float Divide(float x, float y) => x / y;

    public static float MultiplyAdd(float x, float y, float z) => MathF.FusedMultiplyAdd(x, y, z);

    public static float Max(float x, float y) => x > y ? x : y;

    public static float Exp(float x) => VectorMath.Exp(x);

    public static float MaxAcross(float x) => x;

    public static double Sum(float x) => x;
}
