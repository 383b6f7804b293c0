using Cuvee.Numerics;
using Cuvee.Optimization.Nsga2;

namespace Cuvee.Optimization.Tests.Nsga2;

public sealed class VariationTests
{
    private static readonly BoxBounds Wide = BoxBounds.Uniform(1, -1e9, 1e9);

    [Theory]
    [InlineData(2.0)]
    [InlineData(20.0)]
    public void Cross_FarFromBounds_SpreadsAsItsDensityIntegrates(double index)
    {
        // P(beta <= b) is b^(eta + 1) / 2 below 1 and 1 - b^-(eta + 1) / 2 above: the integral of the published density.
        double Expected(double b) => b <= 1 ? Math.Pow(b, index + 1) / 2 : 1 - (Math.Pow(b, -(index + 1)) / 2);
        var variation = new Variation { CrossoverProbability = 1, CrossoverIndex = index };
        var random = new SeededRandom(3);
        double[] parent = [1.0], mate = [3.0];
        var spreads = new List<double>();
        while (spreads.Count < 20_000)
        {
            var (one, other) = variation.Cross(parent, mate, Wide, random);
            Assert.Equal(4, one[0] + other[0], 1e-6); // their mean is the parents'
            if (one[0] != parent[0]) spreads.Add(Math.Abs(one[0] - other[0]) / 2);
        }

        foreach (var b in (double[])[0.8, 0.9, 0.97, 1, 1.03, 1.1, 1.3])
            Assert.Equal(Expected(b), spreads.Count(spread => spread <= b) / (double)spreads.Count, 0.015);
    }

    [Theory]
    [InlineData(2.0)]
    [InlineData(20.0)]
    public void Mutate_MidOfTheRange_StepsAsItsDensityIntegrates(double index)
    {
        // Uncut, |delta| has the density (eta + 1) (1 - |delta|)^eta; at the middle of the range it is cut at 1/2.
        double Uncut(double d) => 1 - Math.Pow(1 - d, index + 1);
        var variation = new Variation { MutationProbability = 1, MutationIndex = index };
        var random = new SeededRandom(4);
        var steps = new List<double>();
        for (var i = 0; i < 20_000; i++)
        {
            double[] point = [5.0];
            variation.Mutate(point, BoxBounds.Uniform(1, 0, 10), random);
            steps.Add((point[0] - 5) / 10);
        }

        Assert.Equal(0.5, steps.Count(step => step < 0) / (double)steps.Count, 0.015);
        foreach (var d in (double[])[0.01, 0.03, 0.1, 0.3])
            Assert.Equal(Uncut(d) / Uncut(0.5), steps.Count(step => Math.Abs(step) <= d) / (double)steps.Count, 0.015);
    }

    [Fact]
    public void Children_AtTheBounds_StayInside()
    {
        var bounds = new BoxBounds([0, -1], [1, 2]);
        var variation = new Variation { CrossoverProbability = 1, CrossoverIndex = 0, MutationProbability = 1, MutationIndex = 0 };
        var random = new SeededRandom(5);
        for (var i = 0; i < 2000; i++)
        {
            var (one, other) = variation.Children([0, 2], [1, -1], bounds, random);
            Assert.True(bounds.Contains(one) && bounds.Contains(other));
        }
    }

    [Fact]
    public void Mutate_DefaultProbability_ChangesOneCoordinateOnTheAverage()
    {
        var random = new SeededRandom(6);
        var bounds = BoxBounds.Uniform(25, 0, 1);
        var changed = 0;
        for (var i = 0; i < 2000; i++)
        {
            double[] point = [.. Enumerable.Repeat(0.4, 25)];
            new Variation().Mutate(point, bounds, random);
            changed += point.Count(value => value != 0.4);
        }

        Assert.InRange(changed / 2000.0, 0.9, 1.1);
    }
}
