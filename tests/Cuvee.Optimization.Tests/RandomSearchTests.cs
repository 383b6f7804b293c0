
namespace Cuvee.Optimization.Tests;

public sealed class RandomSearchTests
{
    [Fact]
    public void Ask_Uniform_FillsTheBoxEvenly()
    {
        var search = new RandomSearch([0, 0], new RandomSearchOptions { Bounds = new BoxBounds([-1, 0], [3, 10]), PopulationSize = 4000 });
        var points = search.Ask();

        Assert.All(points, trial => Assert.True(trial.Point[0] is >= -1 and <= 3 && trial.Point[1] is >= 0 and <= 10));
        Assert.Equal(1, points.Average(trial => trial.Point[0]), 0.08); // 4 standard errors of 4 / sqrt(12 * 4000)
        Assert.Equal(5, points.Average(trial => trial.Point[1]), 0.19);
        Assert.InRange(points.Count(trial => trial.Point[0] < 0), 850, 1150); // a quarter
    }

    [Fact]
    public void Ask_Gaussian_CentresOnTheStartInsideTheBox()
    {
        var options = new RandomSearchOptions { Bounds = BoxBounds.Uniform(1, -1.5, 1.5), PopulationSize = 4000, GaussianStepSize = 0.1 };
        var points = new RandomSearch([0.4], options).Ask().Select(trial => trial.Point[0]).ToArray();

        Assert.Equal(0.4, points.Average(), 0.007);
        Assert.Equal(0.1, Math.Sqrt(points.Average(x => (x - 0.4) * (x - 0.4))), 0.005);
    }

    [Fact]
    public void Recommend_AfterTell_IsTheBestFiniteSample()
    {
        var search = new RandomSearch([0.5], new RandomSearchOptions { Bounds = BoxBounds.Uniform(1, 0, 1), PopulationSize = 3 });
        Assert.Equal([0.5], search.Recommend()[0]);
        var trials = search.Ask();
        search.Tell([new TrialEvaluation(double.NaN), new TrialEvaluation(2, Penalty: 1), new TrialEvaluation(2.5)]);

        Assert.Equal(trials[2].Point, search.Recommend()[0]);
    }

    private static double[][] Step(RandomSearch search)
    {
        var trials = search.Ask();
        search.Tell([.. trials.Select(trial => new TrialEvaluation(trial.Point.Sum()))]);
        return [.. trials.Select(trial => trial.Point)];
    }
}
