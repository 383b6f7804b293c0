namespace Cuvee.Numerics;

/// <summary>
/// The few operations the row kernels are written in, once for every vector width. Every operation rounds as its scalar twin does, so an
/// element-wise kernel gives the same bits in every width and in the remainder; sums depend on the width.
/// </summary>
internal interface IFloatLanes<TVector>
    where TVector : struct
{
    static abstract int Count { get; }

    static abstract TVector Load(ref float source, int index);

    static abstract void Store(TVector value, ref float target, int index);

    static abstract TVector Broadcast(float value);

    static abstract TVector Add(TVector x, TVector y);

    static abstract TVector Subtract(TVector x, TVector y);

    static abstract TVector Multiply(TVector x, TVector y);

    static abstract TVector Divide(TVector x, TVector y);

    /// <summary>x * y + z with one rounding.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector z);

    /// <summary>Undefined choice for NaN.</summary>
    static abstract TVector Max(TVector x, TVector y);

    static abstract TVector Exp(TVector x);

    static abstract float MaxAcross(TVector x);

    /// <summary>Sum of the lanes, added in double.</summary>
    static abstract double Sum(TVector x);
}
