namespace Cuvee.Numerics.Tests;

public class RowKernelTests
{
    public static TheoryData<int> Sizes => Rows.Sizes;

    [Theory]
    [MemberData(nameof(Sizes))]
    public void FloatVectors_EdgeSizes_MatchDoubles(int n)
    {
        var (x, y) = (Rows.Gaussian(n), Rows.Gaussian(n, 2));
        Assert.Equal(x.Zip(y, (a, b) => (double)a * b).Sum(), FloatVectors.Dot(x, y), 1e-5);
        Assert.Equal(x.Max(), FloatVectors.Max(x));
        var expected = x.Zip(y, (a, b) => MathF.FusedMultiplyAdd(0.3f, a, b)).ToArray();
        FloatVectors.AddScaled(0.3f, x, y);
        Assert.Equal(expected, y);
        expected = x.Select(a => 0.7f * a).ToArray();
        FloatVectors.Scale(0.7f, x);
        Assert.Equal(expected, x);
    }

    [Fact]
    public void FloatVectors_Empty_AreNeutral()
    {
        Assert.Equal(0, FloatVectors.Dot([], []));
        Assert.Equal(float.NegativeInfinity, FloatVectors.Max([]));
        Assert.Throws<ArgumentException>(() => FloatVectors.Dot([1f], []));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void RmsNorm_EdgeSizes_MatchesDoubles(int n)
    {
        var (x, weight, y) = (Rows.Gaussian(n), Rows.Gaussian(n, 2), new float[n]);
        RmsNorm.Forward(x, weight, 1e-5f, y);
        Rows.AssertClose(RmsNormTwin(Rows.Doubles(x), Rows.Doubles(weight)), y, 1e-6);
        RmsNorm.Forward(x, weight, 1e-5f, x); // in place
        Assert.Equal(y, x);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void SwiGlu_EdgeSizes_MatchesDoubles(int n)
    {
        var (gate, up, y) = (Rows.Gaussian(n, 1, 4), Rows.Gaussian(n, 2), new float[n]);
        SwiGlu.Forward(gate, up, y);
        Rows.AssertClose(SwiGluTwin(Rows.Doubles(gate), Rows.Doubles(up)), y, 1e-6);
    }

    [Fact]
    public void SwiGlu_FarGates_SaturateWithoutNaN()
    {
        var y = new float[4];
        SwiGlu.Forward([-1000f, 1000f, -89f, 0f], [2f, 2f, 2f, 2f], y);
        Assert.Equal([0f, 2000f, 0f, 0f], y);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Softmax_EdgeSizes_MatchesDoubles(int n)
    {
        var (x, y) = (Rows.Gaussian(n, 1, 5), new float[n]);
        Softmax.Forward(x, y);
        Rows.AssertClose(SoftmaxTwin(Rows.Doubles(x)), y, 5e-7);
        Assert.Equal(1.0, y.Sum(value => (double)value), 1e-6);
        Softmax.Forward(x, x);
        Assert.Equal(y, x);
    }

    [Fact]
    public void Softmax_Masked_IsExactlyZeroThere()
    {
        var x = Rows.Gaussian(40);
        for (var i = 20; i < 40; i++) x[i] = float.NegativeInfinity;
        var expected = new float[20];
        Softmax.Forward(x.AsSpan(0, 20), expected);
        var y = new float[40];
        Softmax.Forward(x, y);
        Assert.All(y[20..], value => Assert.Equal(0f, value));
        for (var i = 0; i < 20; i++) Assert.Equal(expected[i], y[i], 1e-7f);
    }

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(17, 5f)]
    [InlineData(4096, 1f)]
    [InlineData(4096, 10f)]
    [InlineData(128_256, 3f)]
    public void LogSumExp_Vocabularies_IsGoodTo1e6(int n, float scale)
    {
        var x = Rows.Gaussian(n, 1, scale);
        x[0] += 200; // far from zero, where e^x alone would overflow
        for (var i = 1; i < n; i++) x[i] += 200;
        var largest = (double)x.Max();
        Assert.Equal(largest + Math.Log(x.Sum(value => Math.Exp(value - largest))), Softmax.LogSumExp(x), 3e-7);
    }

    [Fact]
    public void LogSumExp_NothingPossible_IsMinusInfinity()
    {
        Assert.Equal(double.NegativeInfinity, Softmax.LogSumExp([]));
        Assert.Equal(double.NegativeInfinity, Softmax.LogSumExp([float.NegativeInfinity]));
    }

    private static double[] RmsNormTwin(double[] x, double[] weight)
    {
        var inverse = 1 / Math.Sqrt((x.Sum(a => a * a) / x.Length) + 1e-5f);
        return x.Zip(weight, (a, w) => a * inverse * w).ToArray();
    }

    private static double[] SwiGluTwin(double[] gate, double[] up) => gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u).ToArray();

    private static double[] SoftmaxTwin(double[] x)
    {
        var largest = x.Max();
        var exps = x.Select(value => Math.Exp(value - largest)).ToArray();
        var sum = exps.Sum();
        return exps.Select(value => value / sum).ToArray();
    }
}
