using Cuvee.Numerics;
using Cuvee.Optimization.Nsga2;

namespace Cuvee.Optimization.Tests.Nsga2;

public sealed class ParetoRankingTests
{
    [Theory]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(2, true)] // few values, so that many losses are equal
    public void Fronts_AgainstPeelingByDefinition_AreTheSame(int losses, bool coarse)
    {
        var random = new SeededRandom(7);
        for (var round = 0; round < 30; round++)
        {
            double Draw() => coarse ? random.NextInt32(4) : random.NextDouble();
            double[][] points = [.. Enumerable.Range(0, 1 + random.NextInt32(40)).Select(_ =>
                Enumerable.Range(0, losses).Select(_ => Draw()).ToArray())];
            Assert.Equal(Peeled(points), ParetoRanking.Fronts(points));
        }
    }

    [Fact]
    public void Dominates_EqualPoints_NeitherDoes()
    {
        Assert.False(ParetoRanking.Dominates([1, 2], [1, 2]));
        Assert.True(ParetoRanking.Dominates([1, 2], [1, 3]));
        Assert.False(ParetoRanking.Dominates([1, 3], [1, 2]));
        Assert.False(ParetoRanking.Dominates([0, 3], [1, 2]));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Crowding_AgainstNeighboursByDefinition_IsTheSame(int losses)
    {
        var random = new SeededRandom(11);
        double[][] points = [.. Enumerable.Range(0, 25).Select(_ =>
            Enumerable.Range(0, losses).Select(_ => random.NextDouble()).ToArray())];
        var crowding = ParetoRanking.Crowding(points);
        for (var p = 0; p < points.Length; p++)
        {
            var expected = Enumerable.Range(0, losses).Sum(m =>
            {
                double[] column = [.. points.Select(point => point[m])];
                double[] below = [.. column.Where(value => value < column[p])], above = [.. column.Where(value => value > column[p])];
                return below.Length == 0 || above.Length == 0
                    ? double.PositiveInfinity
                    : (above.Min() - below.Max()) / (column.Max() - column.Min());
            });
            Assert.Equal(expected, crowding[p], 1e-12);
        }
    }

    [Fact]
    public void Crowding_NoRangeOrNotFinite_AddsNothing()
    {
        Assert.Equal([double.PositiveInfinity, 1, double.PositiveInfinity], ParetoRanking.Crowding([[0, 5], [1, 5], [2, 5]]));
        var infinite = ParetoRanking.Crowding([[0, 1], [1, 0.5], [double.PositiveInfinity, 0]]);
        Assert.Equal(1, infinite[1]); // from the second loss alone
        Assert.Empty(ParetoRanking.Crowding([]));
    }

    private static List<IReadOnlyList<int>> Peeled(double[][] points)
    {
        var fronts = new List<IReadOnlyList<int>>();
        var left = Enumerable.Range(0, points.Length).ToList();
        while (left.Count > 0)
        {
            List<int> front = [.. left.Where(p => !left.Any(q =>
                points[q].Zip(points[p]).All(pair => pair.First <= pair.Second) && !points[q].SequenceEqual(points[p])))];
            fronts.Add(front);
            left.RemoveAll(front.Contains);
        }

        return fronts;
    }
}
