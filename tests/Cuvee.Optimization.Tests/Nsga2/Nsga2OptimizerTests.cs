using Cuvee.Optimization.Nsga2;

namespace Cuvee.Optimization.Tests.Nsga2;

public sealed class Nsga2OptimizerTests
{
    private const int Generations = 250; // the paper's, of 100 points

    // Area below (1.1, 1.1) and above the known fronts: f2 = 1 - sqrt(f1) and f2 = 1 - f1^2 over f1 in [0, 1].
    private const double Zdt1Area = 0.1 + (2.0 / 3) + 0.11;
    private const double Zdt2Area = 0.1 + (1.0 / 3) + 0.11;

    [Theory]
    [InlineData(false, Zdt1Area)]
    [InlineData(true, Zdt2Area)]
    public void Front_Zdt1AndZdt2_CoversTheKnownFrontWhereRandomSearchDoesNot(bool concave, double known)
    {
        var bounds = BoxBounds.Uniform(30, 0, 1);
        double[] Losses(double[] x)
        {
            var g = 1 + (9 * x.Skip(1).Average());
            return [x[0], g * (concave ? 1 - (x[0] / g * (x[0] / g)) : 1 - Math.Sqrt(x[0] / g))];
        }

        var optimizer = new Nsga2Optimizer([], new Nsga2Options { Bounds = bounds, Seed = 1 });
        Run(optimizer, Losses, Generations);
        var front = optimizer.Front();
        Assert.Equal(100, front.Count);
        var area = Area([.. front.Select(Losses)]);
        Assert.InRange(area, known - 0.012, known);

        var control = new RandomSearch(
            [.. Enumerable.Repeat(0.5, 30)], new RandomSearchOptions { Bounds = bounds, PopulationSize = 100 * Generations, Seed = 1 });
        Assert.InRange(Area([.. control.Ask().Select(trial => Losses(trial.Point))]), 0, known / 4);
    }

    [Fact]
    public void Front_Schaffer_SpreadsOverTheParetoSet()
    {
        static double[] Losses(double[] x) => [x[0] * x[0], (x[0] - 2) * (x[0] - 2)];
        var optimizer = new Nsga2Optimizer([], new Nsga2Options { Bounds = BoxBounds.Uniform(1, -1000, 1000), Seed = 2 });
        Run(optimizer, Losses, Generations);
        double[] set = [.. optimizer.Front().Select(point => point[0])];
        Assert.All(set, x => Assert.InRange(x, -0.01, 2.01)); // [0, 2] is optimal
        Assert.Equal([0.0, 2.0], set.Take(2).Order(), (a, b) => Math.Abs(a - b) < 0.02); // the ends come first
        Assert.True(set.Order().Zip(set.Order().Skip(1), (a, b) => b - a).Max() < 0.1, "no gap");
        Assert.Equal(0, optimizer.Recommend()[0][0], 0.02); // best by the first loss
    }

    [Fact]
    public void Ask_SameAnswers_AsksTheSameQuestionsOnTheGivenRecords()
    {
        var options = new Nsga2Options { Bounds = BoxBounds.Uniform(3, -1, 1), PopulationSize = 7, Records = [4, 2], Seed = 3 };
        double[][] starts = [[0, 0, 0], [1, 0, 0]];
        var (first, second) = (new Nsga2Optimizer(starts, options), new Nsga2Optimizer(starts, options));
        for (var round = 0; round < 20; round++)
        {
            var asked = first.Ask();
            Assert.Equal(7, asked.Count);
            if (round == 0) Assert.Equal(starts, asked.Take(2).Select(trial => trial.Point));
            Assert.Equal(asked.Select(trial => trial.Point), second.Ask().Select(trial => trial.Point));
            Assert.All(asked, trial => Assert.Equal([4, 2], trial.Records!));
            Assert.All(asked, trial => Assert.True(options.Bounds.Contains(trial.Point)));
            var answers = asked.Select(trial => Answer(trial.Point, Norms)).ToList();
            first.Tell(answers);
            second.Tell(answers);
            Assert.Equal(first.Front(), second.Front());
        }
    }

    [Fact]
    public void Tell_MoreStartsThanPlaces_KeepsFirstFrontsAndIsolatedPoints()
    {
        // Four points of the first front, two behind it.
        double[][] losses = [[3, 3], [0, 4], [1, 2], [1.1, 1.9], [4, 0], [5, 5]];
        double[][] starts = [.. losses.Select((_, i) => (double[])[i])];
        var options = new Nsga2Options { Bounds = BoxBounds.Uniform(1, 0, 10), PopulationSize = 4 };
        var optimizer = new Nsga2Optimizer(starts, options);
        Assert.Equal(starts, optimizer.Ask().Select(trial => trial.Point));
        optimizer.Tell([.. losses.Select(pair => new TrialEvaluation(pair[0]) { Losses = pair })]);
        Assert.Equal([1, 2, 3, 4], optimizer.Front().Select(point => point[0]).Order());
        Assert.Equal([1, 4], optimizer.Front().Take(2).Select(point => point[0]).Order()); // ends first
        Assert.Equal([1.0], optimizer.Recommend()[0]);
    }

    [Fact]
    public void Tell_LossThatIsNoNumber_CountsAsWorst()
    {
        var optimizer = new Nsga2Optimizer(
            [[0], [1], [2], [3]], new Nsga2Options { Bounds = BoxBounds.Uniform(1, 0, 10), PopulationSize = 4 });
        optimizer.Ask();
        optimizer.Tell([.. ((double[][])[[1, 2], [double.NaN, 1], [2, 3], [double.NaN, double.NaN]])
            .Select(pair => new TrialEvaluation(pair[0]) { Losses = pair })]);
        Assert.Equal([0, 1], optimizer.Front().Select(point => point[0]).Order());
        Assert.Equal([0.0], optimizer.Recommend()[0]);
    }

    [Fact]
    public void Constructor_SettingOutOfRange_NamesIt()
    {
        Assert.Contains("PopulationSize", Refusal(options => options with { PopulationSize = 3 }), StringComparison.Ordinal);
        Assert.Contains("Records", Refusal(options => options with { Records = [] }), StringComparison.Ordinal);
        Assert.Contains("CrossoverProbability", Refusal(options => options with
        {
            Variation = new Variation { CrossoverProbability = 1.1 },
        }), StringComparison.Ordinal);
        Assert.Contains("MutationIndex", Refusal(options => options with
        {
            Variation = new Variation { MutationIndex = -1 },
        }), StringComparison.Ordinal);
        Assert.Contains("Start coordinate", Refusal(options => options, 11), StringComparison.Ordinal);
    }

    [Fact]
    public void Tell_OneLoss_IsRefused()
    {
        var optimizer = new Nsga2Optimizer([], new Nsga2Options { Bounds = BoxBounds.Uniform(1, 0, 10), PopulationSize = 4 });
        var trials = optimizer.Ask();
        var error = Assert.Throws<ArgumentException>(() => optimizer.Tell([.. trials.Select(_ => new TrialEvaluation(1))]));
        Assert.Contains("at least two losses", error.Message, StringComparison.Ordinal);
    }

    private static string Refusal(Func<Nsga2Options, Nsga2Options> with, double start = 5) => Assert.Throws<ArgumentException>(
        () => new Nsga2Optimizer([[start]], with(new Nsga2Options { Bounds = BoxBounds.Uniform(1, 0, 10) }))).Message;

    private static double[] Norms(double[] x) => [x.Sum(value => value * value), x.Sum(value => (value - 1) * (value - 1))];

    private static TrialEvaluation Answer(double[] point, Func<double[], double[]> lossesOf)
    {
        var losses = lossesOf(point);
        return new TrialEvaluation(losses[0]) { Losses = losses };
    }

    private static void Run(Nsga2Optimizer optimizer, Func<double[], double[]> lossesOf, int generations)
    {
        for (var generation = 0; generation < generations; generation++)
            optimizer.Tell([.. optimizer.Ask().Select(trial => Answer(trial.Point, lossesOf))]);
    }

    // Dominated area up to (1.1, 1.1), by a sweep over the first loss.
    private static double Area(IReadOnlyList<double[]> losses)
    {
        var (area, lowest) = (0.0, 1.1);
        foreach (var point in losses.Where(point => point[0] < 1.1).OrderBy(point => point[0]).ThenBy(point => point[1]))
        {
            if (point[1] >= lowest) continue;
            area += (1.1 - point[0]) * (lowest - point[1]);
            lowest = point[1];
        }

        return area;
    }
}
