using Cuvee.Optimization.CmaEs;

namespace Cuvee.Optimization.Tests.CmaEs;

public sealed class BoxTransformTests
{
    private static readonly BoxTransform Transform = new(BoxBounds.Uniform(1, -1.5, 1.5));

    [Fact]
    public void ToBounded_DenseScan_StaysInsideWithSlopeAtMostOneAndNoJump()
    {
        const double step = 1e-3;
        var previous = Bounded(-12);
        var previousSlope = double.NaN;
        for (var u = -12 + step; u <= 12; u += step)
        {
            var x = Bounded(u);
            Assert.InRange(x, -1.5, 1.5);
            var slope = (x - previous) / step;
            Assert.InRange(slope, -1 - 1e-9, 1 + 1e-9);
            // the second derivative is 1 / (2 m) with m = 0.15
            if (!double.IsNaN(previousSlope)) Assert.InRange(Math.Abs(slope - previousSlope), 0, 1.01 * step / 0.3);
            previous = x;
            previousSlope = slope;
        }
    }

    [Fact]
    public void ToBounded_Interior_IsIdentityToTheBit()
    {
        for (var u = -1.34; u < 1.34; u += 0.0137) Assert.Equal(u, Bounded(u));
    }

    [Theory]
    [InlineData(-1.5)]
    [InlineData(-1.49)]
    [InlineData(-1.4)]
    [InlineData(0)]
    [InlineData(1.43)]
    [InlineData(1.5)]
    public void ToUnbounded_InsideBox_IsInverse(double x)
    {
        var unbounded = new double[1];
        Transform.ToUnbounded([x], unbounded);
        Assert.Equal(x, Bounded(unbounded[0]), 12);
    }

    [Fact]
    public void ToBounded_BeyondVertex_MirrorsAndRepeats()
    {
        Assert.Equal(1.5, Bounded(1.65), 12); // vertex, margin 0.15 outside
        Assert.Equal(Bounded(1.5), Bounded(1.8), 12);
        Assert.Equal(Bounded(0.3), Bounded(0.3 + (2 * 3.3)), 12);
    }

    private static double Bounded(double u)
    {
        var x = new double[1];
        Transform.ToBounded([u], x);
        return x[0];
    }
}
