using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Optimization.Tests.NaturalNiches;

public sealed class MapElitesOptimizerTests
{
    private static readonly double[][] Starts = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

    [Fact]
    public void Tell_OneCell_KeepsTheBetterAndTellsCellsApart()
    {
        // A and B fall into one cell of the 2 x 2 map, B is better; C has a cell of its own.
        double[][] losses = [[0.4, 1], [0.2, 1], [1, 0.1]];
        var optimizer = Optimizer(200);
        optimizer.Ask();
        optimizer.Tell([.. losses.Select(loss => new TrialEvaluation(loss.Average()) { RecordLosses = loss })]);
        var parents = optimizer.Ask().Select(trial => trial.Point.Index().MaxBy(pair => pair.Item).Index).ToHashSet();
        Assert.Equal([1, 2], parents.Order());
        Assert.Equal(Starts[2], optimizer.Recommend()[0]);
    }

    [Fact]
    public void Ask_SameAnswers_AsksTheSameQuestions()
    {
        var (first, second) = (Optimizer(3), Optimizer(3));
        for (var round = 0; round < 20; round++)
        {
            var asked = first.Ask();
            Assert.Equal(asked.Select(trial => trial.Point), second.Ask().Select(trial => trial.Point));
            TrialEvaluation[] answers = [.. asked.Select(trial => new TrialEvaluation(0.5)
            {
                RecordLosses = [Math.Abs(trial.Point[0]) % 1, Math.Abs(trial.Point[1]) % 1],
            })];
            first.Tell(answers);
            second.Tell(answers);
        }
    }

    [Fact]
    public void Constructor_GroupsThatDoNotFit_AreRefused()
    {
        Assert.Contains("1 groups for 2 records", Refusal([0]), StringComparison.Ordinal);
        Assert.Contains("numbered 0 to 2", Refusal([0, 2]), StringComparison.Ordinal);
    }

    private static string Refusal(int[] groups) => Assert.Throws<ArgumentException>(
        () => new MapElitesOptimizer(Starts, new MapElitesOptions { Groups = groups, Records = [0, 1] })).Message;

    private static MapElitesOptimizer Optimizer(int inFlight) => new(Starts, new MapElitesOptions
    {
        Groups = [0, 1],
        Records = [0, 1],
        Bins = 2,
        InFlight = inFlight,
        Variation = new Variation { Crossover = false, MutationStepSize = 1e-6 },
    });
}
