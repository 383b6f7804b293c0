namespace Cuvee.Numerics;

/// <summary>
/// One vector width of the kernels over stored weights: reads <see cref="Count"/> elements of a format as fp32, exactly, from any address.
/// </summary>
internal unsafe interface IStoredLanes<TVector>
    where TVector : struct
{
    static abstract int Count { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector value, float* target);

    static abstract TVector Broadcast(float value);

    static abstract TVector Multiply(TVector x, TVector y);

    /// <summary>x * y + sum: fused where the processor can, otherwise a product and a sum.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector sum);

    /// <summary>x * y + sum with one rounding, in software where the processor has no such operation.</summary>
    static abstract TVector FusedMultiplyAdd(TVector x, TVector y, TVector sum);

    /// <summary>x where |x| &gt;= limit, else 0.</summary>
    static abstract TVector KeepLarge(TVector x, TVector limit);

    static abstract TVector LoadBFloat16(ushort* source);

    static abstract TVector LoadFloat16(ushort* source);

    static abstract TVector LoadInt8(sbyte* source);

    /// <summary>Each vector's lanes added, upper half to lower half until one is left.</summary>
    static abstract void Fold(TVector first, TVector second, TVector third, TVector fourth, float* target);
}

/// <summary>
/// fp16 bits, sign-extended to 32, to fp32 in every width: moved up by 13 they are a number 2^112 times too small, which one exact product
/// mends, subnormals included; infinities and NaN, which it makes 2^16 and more, get their exponent back.
/// </summary>
internal static class Float16Bits
{
    public const int Shift = 13;
    public const int Mask = unchecked((int)0x8FFFE000); // sign and magnitude, moved up
    public const float Magnitude = 5.192296858534828e33f; // 2^112
    public const float Special = 65536f;
    public const int SpecialExponent = 0x7F800000;

    public static float ToSingle(ushort half)
    {
        var bits = ((short)half << Shift) & Mask;
        bits = (half & 0x7C00) == 0x7C00 ? bits | SpecialExponent : bits;
        return BitConverter.Int32BitsToSingle(bits) * Magnitude;
    }
}
