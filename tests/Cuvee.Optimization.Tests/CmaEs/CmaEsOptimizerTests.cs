using Cuvee.Optimization.CmaEs;

namespace Cuvee.Optimization.Tests.CmaEs;

public sealed class CmaEsOptimizerTests
{
    [Fact]
    public void Ask_SameSeed_SamePoints()
    {
        var first = new CmaEsOptimizer([0, 0, 0], new CmaEsOptions { Seed = 3 });
        var second = new CmaEsOptimizer([0, 0, 0], new CmaEsOptions { Seed = 3 });
        var other = new CmaEsOptimizer([0, 0, 0], new CmaEsOptions { Seed = 4 });

        var points = Step(first);
        Assert.Equal(points, Step(second));
        Assert.NotEqual(points, Step(other));
    }

    [Fact]
    public void Ask_BoundedFromStartOnBound_StaysInsideAndFindsCorner()
    {
        var bounds = BoxBounds.Uniform(6, 0, 1);
        var options = new CmaEsOptions { InitialStepSize = 0.05, Bounds = bounds };
        var optimizer = new CmaEsOptimizer(Enumerable.Repeat(1.0, 6).ToArray(), options);
        for (var i = 0; i < 150; i++)
        {
            var trials = optimizer.Ask();
            Assert.All(trials, trial => Assert.True(bounds.Contains(trial.Point)));
            // the unconstrained minimum (2, 2, 2, -3, -3, -3) lies outside: the constrained one is (1, 1, 1, 0, 0, 0)
            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(
                trial.Point.Take(3).Sum(x => (x - 2) * (x - 2)) + trial.Point.Skip(3).Sum(x => (x + 3) * (x + 3))))]);
        }

        foreach (var recommended in optimizer.Recommend())
        {
            Assert.All(recommended.Take(3), x => Assert.Equal(1, x, 4));
            Assert.All(recommended.Skip(3), x => Assert.Equal(0, x, 4));
        }
    }

    [Fact]
    public void Tell_PenaltyGiven_MinimisesLossPlusPenalty()
    {
        var optimizer = new CmaEsOptimizer([0, 0], new CmaEsOptions());
        for (var i = 0; i < 80; i++)
        {
            var trials = optimizer.Ask();
            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(Distance(trial.Point, 0), Distance(trial.Point, 2)))]);
        }

        Assert.All(optimizer.Recommend()[0], x => Assert.Equal(1, x, 4)); // x^2 + (x - 2)^2
    }

    [Fact]
    public void Tell_NonFiniteLosses_CountAsWorst()
    {
        var optimizer = new CmaEsOptimizer([1.0, 1.0, 1.0], new CmaEsOptions { InitialStepSize = 0.5 });
        for (var i = 0; i < 120; i++)
        {
            var trials = optimizer.Ask();
            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(trial.Point[0] switch
            {
                > 1.2 => double.NaN,
                < -1 => double.NegativeInfinity,
                _ => Distance(trial.Point, 0),
            }))]);
        }

        Assert.All(optimizer.Recommend()[1], x => Assert.Equal(0, x, 4));
        Assert.True(double.IsFinite(optimizer.BestObjective));
    }

    [Fact]
    public void Recommend_AfterRun_BestSampleThenMean()
    {
        var optimizer = new CmaEsOptimizer([3, 3], new CmaEsOptions());
        Assert.Equal([[3, 3]], optimizer.Recommend());
        var best = double.PositiveInfinity;
        double[] bestPoint = [];
        for (var i = 0; i < 5; i++)
        {
            var trials = optimizer.Ask();
            foreach (var trial in trials.Where(trial => Distance(trial.Point, 0) < best))
            {
                best = Distance(trial.Point, 0);
                bestPoint = trial.Point;
            }

            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(Distance(trial.Point, 0)))]);
        }

        Assert.Equal(bestPoint, optimizer.Recommend()[0]);
        Assert.Equal(best, optimizer.BestObjective);
        Assert.NotEqual(bestPoint, optimizer.Recommend()[1]);
    }

    [Fact]
    public void Separable_AxisParallelEllipsoid_LearnsFasterThanFullCovariance()
    {
        Assert.InRange(GenerationsOnEllipsoid(separable: true), 1, GenerationsOnEllipsoid(separable: false) / 2);
    }

    [Theory]
    [InlineData("ask")]
    [InlineData("tell")]
    [InlineData("count")]
    public void AskTell_OutOfTurn_Throws(string mistake)
    {
        var optimizer = new CmaEsOptimizer([0, 0], new CmaEsOptions());
        if (mistake == "tell")
        {
            Assert.Throws<InvalidOperationException>(() => optimizer.Tell([]));
            return;
        }

        optimizer.Ask();
        if (mistake == "ask") Assert.Throws<InvalidOperationException>(() => optimizer.Ask());
        else Assert.Throws<ArgumentException>(() => optimizer.Tell([new TrialEvaluation(1)]));
    }

    [Fact]
    public void Constructor_StartOutsideBounds_ThrowsNamingCoordinate()
    {
        var exception = Assert.Throws<ArgumentException>(() =>
            new CmaEsOptimizer([0, 2], new CmaEsOptions { Bounds = BoxBounds.Uniform(2, 0, 1) }));
        Assert.Contains("coordinate 1 is 2", exception.Message, StringComparison.Ordinal);
    }

    private static double[][] Step(CmaEsOptimizer optimizer)
    {
        var trials = optimizer.Ask();
        optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(BenchmarkFunctions.Rosenbrock(trial.Point)))]);
        return [.. trials.Select(trial => trial.Point)];
    }

    private static int GenerationsOnEllipsoid(bool separable)
    {
        var optimizer = new CmaEsOptimizer(Enumerable.Repeat(1.0, 30).ToArray(), new CmaEsOptions
        {
            Separable = separable,
            InitialStepSize = 0.5,
            Tolerances = CmaEsTolerances.None with { FTarget = 1e-9, MaxIterations = 20_000 },
        });
        while (optimizer.StopReasons.Count == 0)
        {
            var trials = optimizer.Ask();
            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(BenchmarkFunctions.Ellipsoid(trial.Point)))]);
        }

        Assert.Contains("ftarget", optimizer.StopReasons);
        return optimizer.Iteration;
    }

    private static double Distance(double[] point, double centre) => point.Sum(x => (x - centre) * (x - centre));
}
