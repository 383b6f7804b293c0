using System.Runtime.Intrinsics;

namespace Cuvee.Numerics.Tests;

public class VectorMathTests
{
    [Fact]
    public void Exp_WholeRange_ErrsByLessThanTwoUnits()
    {
        for (var x = -87.3f; x < 88.7f; x += 0.0037f)
        {
            var exact = Math.Exp(x);
            if (Math.Abs((VectorMath.Exp(x) / exact) - 1) > 1.2e-7) Assert.Fail($"e^{x:R} became {VectorMath.Exp(x):R}.");
        }
    }

    [Fact]
    public void Exp_SpecialValues_AreThemselves()
    {
        Assert.Equal(1f, VectorMath.Exp(0f));
        Assert.Equal(1f, VectorMath.Exp(-0f));
        Assert.Equal(0f, VectorMath.Exp(float.NegativeInfinity));
        Assert.Equal(0f, VectorMath.Exp(-88f));
        Assert.Equal(float.PositiveInfinity, VectorMath.Exp(89f));
        Assert.Equal(float.PositiveInfinity, VectorMath.Exp(float.PositiveInfinity));
        Assert.Equal(float.NaN, VectorMath.Exp(float.NaN));
    }

    [Fact]
    public void Exp_AnyWidth_HasTheSameBits()
    {
        var x = new float[16 * 3_000];
        for (var i = 0; i < x.Length; i++) x[i] = -95f + (190f * i / x.Length);
        float[] special =
        [
            0f, -0f, float.NaN, float.NegativeInfinity, float.PositiveInfinity, float.MinValue, float.MaxValue,
            -87.33654f, 88.72284f,
        ];
        special.CopyTo(x, 3);
        var expected = x.Select(VectorMath.Exp).ToArray();
        var in512 = new float[16];
        var in256 = new float[8];
        for (var i = 0; i < x.Length; i += 16)
        {
            VectorMath.Exp(Vector512.Create(x, i)).CopyTo(in512);
            Assert.Equal(expected.AsSpan(i, 16).ToArray(), in512);
            VectorMath.Exp(Vector256.Create(x, i)).CopyTo(in256);
            Assert.Equal(expected.AsSpan(i, 8).ToArray(), in256);
        }
    }
}
