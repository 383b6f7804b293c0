using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Optimization.Tests.NaturalNiches;

public sealed class NichesTests
{
    // Three models, three points: the first point is solved by two, the second by one half, the third by none.
    private static readonly double[][] Scores = [[1, 0, 0], [1, 0.5, 0], [0, 0, 0]];

    [Fact]
    public void Fitness_HandComputed_SharesEachPoint()
    {
        var z = Niches.Capacities(Scores, 1);
        Assert.Equal([2, 0.5, 1], z);
        Assert.Equal([0.5, 1.5, 0], Scores.Select(model => Niches.Fitness(model, z)));
    }

    [Fact]
    public void Fitness_ExponentZero_IsTheSumOfScores()
    {
        var z = Niches.Capacities(Scores, 0);
        Assert.Equal([1, 1.5, 0], Scores.Select(model => Niches.Fitness(model, z)));
    }

    [Fact]
    public void Fitness_ExponentTwo_PunishesCrowdsMore() =>
        Assert.Equal(0.25, Niches.Fitness(Scores[0], Niches.Capacities(Scores, 2)), 12);

    [Fact]
    public void Attraction_HandComputed_CountsOnlyWhatTheParentLacks()
    {
        var z = Niches.Capacities(Scores, 1);
        Assert.Equal(1, Niches.Attraction(Scores[0], Scores[1], z)); // 0.5 / 0.5 at the second point
        Assert.Equal(0, Niches.Attraction(Scores[1], Scores[0], z));
        Assert.Equal(0.5, Niches.Attraction(Scores[2], Scores[0], z)); // 1 / 2 at the first
    }
}
