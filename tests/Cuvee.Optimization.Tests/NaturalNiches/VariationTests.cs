using System.Numerics;
using Cuvee.Numerics;
using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Optimization.Tests.NaturalNiches;

public sealed class VariationTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(9)]
    public void Slerp_AgainstRotationInThePlaneOfBoth_IsTheSameOnEachSideOfTheSplit(int split)
    {
        var random = new SeededRandom(3);
        var first = Enumerable.Range(0, 9).Select(_ => random.NextGaussian()).ToArray();
        var second = Scaled(Enumerable.Range(0, 9).Select(_ => random.NextGaussian()).ToArray(), Norm(first));
        const double mixing = 0.3;
        var child = Variation.Slerp(first, second, mixing, split);
        var (before, after) = (Rotated(first, second, mixing), Rotated(first, second, 1 - mixing));
        for (var i = 0; i < 9; i++) Assert.Equal(i < split ? before[i] : after[i], child[i], 12);
    }

    [Fact]
    public void Slerp_EqualNorms_StaysOnTheSphere() => Assert.Equal(5, Norm(Variation.Slerp([3, 4], [-4, 3], 0.7, 2)), 12);

    [Theory]
    [InlineData(1.0, 2.0)] // the same direction
    [InlineData(1.0, -2.0)] // opposite: the sine is 0 within rounding, too
    [InlineData(0.0, 2.0)] // no direction
    public void Slerp_NoPlane_IsAStraightLine(double first, double second)
    {
        var child = Variation.Slerp([first, first], [second, second], 0.25, 1);
        Assert.Equal((0.75 * first) + (0.25 * second), child[0], 12);
        Assert.Equal((0.25 * first) + (0.75 * second), child[1], 12);
    }

    // The rotation of a towards b by t of their angle, as a complex number in the orthonormal basis of their plane.
    private static double[] Rotated(double[] a, double[] b, double t)
    {
        var u = Scaled(a, 1);
        var along = b.Zip(u, (x, y) => x * y).Sum();
        var v = Scaled([.. b.Zip(u, (x, y) => x - (along * y))], 1);
        var across = b.Zip(v, (x, y) => x * y).Sum();
        var turned = Complex.FromPolarCoordinates(Norm(a), t * new Complex(along, across).Phase);
        return [.. u.Zip(v, (x, y) => (turned.Real * x) + (turned.Imaginary * y))];
    }

    private static double Norm(double[] x) => Math.Sqrt(x.Sum(value => value * value));

    private static double[] Scaled(double[] x, double norm) => [.. x.Select(value => value * norm / Norm(x))];
}
