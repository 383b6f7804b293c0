namespace Cuvee.Numerics.Tests;

/// <summary>Backward kernels against their formulas in double, and those against central differences of the forward formulas.</summary>
public class BackwardKernelTests
{
    public static TheoryData<int> Sizes => Rows.Sizes;

    [Theory]
    [MemberData(nameof(Sizes))]
    public void RmsNorm_EdgeSizes_AddsTheTwinsGradients(int n)
    {
        var (x, weight, dy) = (Rows.Gaussian(n), Rows.Gaussian(n, 2), Rows.Gaussian(n, 3));
        var (dx, dw) = (Rows.Gaussian(n, 4), Rows.Gaussian(n, 5));
        var (expectedX, expectedW) = RmsNormTwin(Rows.Doubles(x), Rows.Doubles(weight), Rows.Doubles(dy));
        for (var i = 0; i < n; i++) (expectedX[i], expectedW[i]) = (expectedX[i] + dx[i], expectedW[i] + dw[i]);
        var frozen = (float[])dx.Clone();
        RmsNorm.Backward(x, weight, 1e-5f, dy, dx, dw);
        Rows.AssertClose(expectedX, dx, 5e-6);
        Rows.AssertClose(expectedW, dw, 5e-6);
        RmsNorm.Backward(x, weight, 1e-5f, dy, frozen, []);
        Assert.Equal(dx, frozen);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void SwiGlu_EdgeSizes_MatchesTwinAlsoInPlace(int n)
    {
        var (gate, up, dy) = (Rows.Gaussian(n, 1, 4), Rows.Gaussian(n, 2), Rows.Gaussian(n, 3));
        var (dGate, dUp) = (new float[n], new float[n]);
        var (expectedGate, expectedUp) = SwiGluTwin(Rows.Doubles(gate), Rows.Doubles(up), Rows.Doubles(dy));
        SwiGlu.Backward(gate, up, dy, dGate, dUp);
        Rows.AssertClose(expectedGate, dGate, 2e-6);
        Rows.AssertClose(expectedUp, dUp, 2e-6);
        SwiGlu.Backward(gate, up, dy, dy, dUp);
        Assert.Equal(dGate, dy);
    }

    [Fact]
    public void SwiGlu_FarGates_SaturateWithoutNaN()
    {
        var (dGate, dUp) = (new float[3], new float[3]);
        SwiGlu.Backward([-1000f, 1000f, 0f], [2f, 2f, 2f], [3f, 3f, 3f], dGate, dUp);
        Assert.Equal([0f, 6f, 3f], dGate);
        Assert.Equal([0f, 3000f, 0f], dUp);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Softmax_EdgeSizes_MatchesTwin(int n)
    {
        var (scores, gradient) = (Rows.Gaussian(n, 1, 3), Rows.Gaussian(n, 2));
        var p = new float[n];
        Softmax.Forward(scores, p);
        var expected = SoftmaxTwin(Rows.Doubles(p), Rows.Doubles(gradient));
        Softmax.Backward(p, gradient);
        Rows.AssertClose(expected, gradient, 2e-6);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void CrossEntropy_EdgeSizes_LossAndGradientMatchTwin(int n)
    {
        var logits = Rows.Gaussian(n, 1, 5);
        var target = n / 2;
        var wide = Rows.Doubles(logits);
        var expectedLoss = CrossEntropyTwin(wide, target);
        var expected = Enumerable.Range(0, n).Select(i => 0.25 * Difference(wide, i, () => CrossEntropyTwin(wide, target))).ToArray();
        Assert.Equal(expectedLoss, Softmax.CrossEntropy(logits, target, 0.25f), 1e-6 * Math.Max(1, expectedLoss));
        Rows.AssertClose(expected, logits, 1e-6);
    }

    [Fact]
    public void CrossEntropy_TargetFarBelow_IsFinite()
    {
        float[] logits = [0f, 1000f];
        Assert.Equal(1000, Softmax.CrossEntropy(logits, 0, 1));
        Assert.Equal([-1f, 1f], logits);
    }

    [Fact]
    public void Twins_CentralDifferences_AreTheGradients()
    {
        const int n = 9;
        double[] x = Rows.Doubles(Rows.Gaussian(n)), w = Rows.Doubles(Rows.Gaussian(n, 2)), dy = Rows.Doubles(Rows.Gaussian(n, 3));
        var (dx, dw) = RmsNormTwin(x, w, dy);
        double Normed() => x.Zip(w, (a, b) => a * b).Zip(dy, (a, b) => a * b).Sum() / Math.Sqrt((x.Sum(a => a * a) / n) + 1e-5f);
        var (dGate, dUp) = SwiGluTwin(x, w, dy);
        double Gated() => x.Zip(w, (g, u) => g / (1 + Math.Exp(-g)) * u).Zip(dy, (a, b) => a * b).Sum();
        double[] Probabilities()
        {
            var exps = x.Select(Math.Exp).ToArray();
            return exps.Select(e => e / exps.Sum()).ToArray();
        }

        var ds = SoftmaxTwin(Probabilities(), dy);
        for (var i = 0; i < n; i++)
        {
            Assert.Equal(Difference(x, i, Normed), dx[i], 1e-7);
            Assert.Equal(Difference(w, i, Normed), dw[i], 1e-7);
            Assert.Equal(Difference(x, i, Gated), dGate[i], 1e-7);
            Assert.Equal(Difference(w, i, Gated), dUp[i], 1e-7);
            Assert.Equal(Difference(x, i, () => Probabilities().Zip(dy, (a, b) => a * b).Sum()), ds[i], 1e-7);
        }
    }

    private static (double[] Input, double[] Weight) RmsNormTwin(double[] x, double[] weight, double[] dy)
    {
        var inverse = 1 / Math.Sqrt((x.Sum(a => a * a) / x.Length) + 1e-5f);
        var mean = Enumerable.Range(0, x.Length).Sum(i => weight[i] * dy[i] * x[i]) / x.Length;
        return (
            [.. x.Select((a, i) => (inverse * weight[i] * dy[i]) - (a * inverse * inverse * inverse * mean))],
            [.. x.Select((a, i) => inverse * a * dy[i])]);
    }

    private static (double[] Gate, double[] Up) SwiGluTwin(double[] gate, double[] up, double[] dy)
    {
        static double Sigmoid(double g) => 1 / (1 + Math.Exp(-g));
        return (
            [.. gate.Select((g, i) => dy[i] * up[i] * Sigmoid(g) * (1 + (g * (1 - Sigmoid(g)))))],
            [.. gate.Select((g, i) => dy[i] * g * Sigmoid(g))]);
    }

    private static double[] SoftmaxTwin(double[] p, double[] gradient)
    {
        var mean = p.Zip(gradient, (a, b) => a * b).Sum();
        return p.Zip(gradient, (a, b) => a * (b - mean)).ToArray();
    }

    private static double CrossEntropyTwin(double[] logits, int target)
    {
        var largest = logits.Max();
        return largest + Math.Log(logits.Sum(l => Math.Exp(l - largest))) - logits[target];
    }

    private static double Difference(double[] values, int i, Func<double> f)
    {
        const double step = 1e-5;
        var saved = values[i];
        values[i] = saved + step;
        var above = f();
        values[i] = saved - step;
        var below = f();
        values[i] = saved;
        return (above - below) / (2 * step);
    }
}
