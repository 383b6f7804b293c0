using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Optimization.Tests.NaturalNiches;

public sealed class NaturalNichesOptimizerTests
{
    private static readonly double[] Target = [0.5, -0.3, 0.8, 0.1];

    // Starts on both sides of the optimum in every coordinate.
    private static readonly double[][] Starts = [[1, -1, 0, 0], [0, 0, 1, 0.3], [0.4, 0.2, -0.5, 1]];

    [Fact]
    public void Tell_KnownOptimum_IsFound()
    {
        var optimizer = new NaturalNichesOptimizer(Starts, Options() with { Variation = new Variation { MutationStepSize = 0.05 } });
        Run(optimizer, 4000);
        Assert.All(optimizer.Recommend()[0].Zip(Target), pair => Assert.Equal(pair.Second, pair.First, 0.05));
    }

    [Fact]
    public void Tell_TwoSpecialists_MeetInAChildWithBothHalves()
    {
        // Each start solves its half of the records; the split point alone can join them.
        double[][] halves = [[.. Target[..2], -0.8, 0.9], [-0.5, 0.9, .. Target[2..]]];
        var optimizer = new NaturalNichesOptimizer(halves, Options());
        Run(optimizer, 1500);
        Assert.True(Error(optimizer.Recommend()[0]) < 0.2 * halves.Min(Error), $"{Error(optimizer.Recommend()[0])}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Ask_SameAnswers_AsksTheSameQuestions(int inFlight)
    {
        var (first, second) = (new NaturalNichesOptimizer(Starts, Options() with { InFlight = inFlight }),
            new NaturalNichesOptimizer(Starts, Options() with { InFlight = inFlight }));
        for (var round = 0; round < 30; round++)
        {
            var asked = first.Ask();
            Assert.Equal(round == 0 ? Starts.Length : inFlight, asked.Count);
            Assert.Equal(asked.Select(trial => trial.Point), second.Ask().Select(trial => trial.Point));
            Assert.All(asked, trial => Assert.Equal([0, 1, 2, 3], trial.Records!));
            var answers = asked.Select(Answer).ToList();
            first.Tell(answers);
            second.Tell(answers);
        }
    }

    [Fact]
    public void Ask_ScoresAllZero_StillMakesChildrenOfTheStarts()
    {
        var optimizer = new NaturalNichesOptimizer([[1, 0], [0, 1]], Options() with { Records = [0] });
        for (var round = 0; round < 20; round++)
        {
            var trials = optimizer.Ask();
            Assert.All(trials, trial => Assert.All(trial.Point, value => Assert.True(double.IsFinite(value))));
            optimizer.Tell([.. trials.Select(_ => new TrialEvaluation(double.NaN) { RecordLosses = [double.NaN] })]);
        }

        Assert.Equal([1, 0], optimizer.Recommend()[0]);
    }

    [Fact]
    public void Ask_NoSplitPoint_KeepsChildrenInThePlaneOfTheirParents()
    {
        double[][] starts = [[1, 1, 0, 0], [0, 0, 1, 1]];
        bool InPlane(double[] child) => child[0] == child[1] && child[2] == child[3];
        var whole = Options() with { Variation = new Variation { SplitPoint = false } };
        Assert.All(Children(starts, whole), child => Assert.True(InPlane(child)));
        Assert.Contains(Children(starts, Options()), child => !InPlane(child));
    }

    [Fact]
    public void Ask_NoCrossover_IsAMutatedStart()
    {
        var options = Options() with { Variation = new Variation { Crossover = false, MutationStepSize = 1e-4 } };
        Assert.All(Children(Starts, options), child => Assert.Contains(Starts, start => child.Zip(start).All(pair =>
            Math.Abs(pair.First - pair.Second) < 1e-3)));
    }

    [Fact]
    public void Ask_Attraction_ChoosesTheMateThatAddsSomething()
    {
        // Two alike, good at the first record; a third knows only the second. Attraction mates the alike with the third alone.
        double[][] starts = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
        double[][] losses = [[0, 1], [0, 1], [1, 0]];
        int Alike(bool attraction)
        {
            var options = Options() with { Attraction = attraction, Records = [0, 1], InFlight = 400 };
            var optimizer = new NaturalNichesOptimizer(starts, options);
            optimizer.Ask();
            optimizer.Tell([.. losses.Select(loss => new TrialEvaluation(loss.Average()) { RecordLosses = loss })]);
            return optimizer.Ask().Count(trial => trial.Point[2] == 0);
        }

        Assert.Equal(0, Alike(attraction: true));
        Assert.InRange(Alike(attraction: false), 40, 360);
    }

    [Theory]
    [InlineData(1, true)] // the lone specialist of a point lives
    [InlineData(0, false)] // a plain genetic algorithm drops what solves least
    public void Tell_Competition_DecidesWhoLeaves(double exponent, bool specialistLives)
    {
        // A and B both solve point 0 (fitness 1/2 each where they compete), C nine tenths of point 1 alone; room for two.
        double[][] starts = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
        double[][] losses = [[0, 1], [0, 1], [1, 0.1]];
        var optimizer = new NaturalNichesOptimizer(starts, Options() with
        {
            ArchiveSize = 2,
            Records = [0, 1],
            CompetitionExponent = exponent,
            Variation = new Variation { Crossover = false, MutationStepSize = 1e-9 },
            InFlight = 200,
        });
        optimizer.Ask();
        optimizer.Tell([.. losses.Select(loss => new TrialEvaluation(loss.Average()) { RecordLosses = loss })]);
        var parents = optimizer.Ask().Select(trial => trial.Point.Index().MaxBy(pair => pair.Item).Index).ToHashSet();
        Assert.Equal(specialistLives, parents.Contains(2));
        Assert.Equal(2, parents.Count);
    }

    [Fact]
    public void Ask_Bounds_HoldEveryChild() => Assert.All(
        Children(Starts, Options() with
        {
            Variation = new Variation { MutationStepSize = 3, Bounds = BoxBounds.Uniform(4, -1, 1) },
        }),
        child => Assert.All(child, value => Assert.InRange(value, -1, 1)));

    [Fact]
    public void Ask_SplitUnit_CutsBetweenUnitsOnly()
    {
        // Two units of two coordinates: a child of these parents is constant in each unit wherever no unit is parted.
        double[][] starts = [[1, 1, 0, 0], [0, 0, 1, 1]];
        var children = Children(starts, Options() with { Variation = new Variation { SplitUnit = 2 } });
        Assert.All(children, child => Assert.Equal((child[0], child[2]), (child[1], child[3])));
        Assert.Contains(children, child => child.Sum() > 2.9 || child.Sum() < 1.9); // some are cut between them
        Assert.Contains(Children(starts, Options()), child => child[0] != child[1] || child[2] != child[3]);
    }

    [Fact]
    public void Ask_Screening_BeginsWithTheBestOnItsRecords()
    {
        double[][] starts = [[0, 0], [1, 0], [2, 0], [3, 0]];
        var optimizer = new NaturalNichesOptimizer(starts, Options() with { Screening = new Screening([1, 3], 2) });
        var screened = optimizer.Ask();
        Assert.Equal(starts, screened.Select(trial => trial.Point));
        Assert.All(screened, trial => Assert.Equal([1, 3], trial.Records!));
        optimizer.Tell([.. ((double[])[0.4, double.NaN, 0.1, 0.3]).Select(loss => new TrialEvaluation(loss))]);
        Assert.Equal([2, 0], optimizer.Recommend()[0]);
        var begun = optimizer.Ask();
        Assert.Equal([2, 3], begun.Select(trial => trial.Point[0]));
        Assert.All(begun, trial => Assert.Equal([0, 1, 2, 3], trial.Records!));
        optimizer.Tell([.. begun.Select(Answer)]);
        Assert.Single(optimizer.Ask());
        Assert.Equal(2, optimizer.Iteration);
    }

    [Fact]
    public void Ask_AsManyStartsAsBegin_ScreensNothing() => Assert.All(
        new NaturalNichesOptimizer(Starts, Options() with { Screening = new Screening([1], 3) }).Ask(),
        trial => Assert.Equal([0, 1, 2, 3], trial.Records!));

    [Fact]
    public void Constructor_SettingOutOfRange_NamesIt()
    {
        Assert.Contains("ArchiveSize", Refusal(Options() with { ArchiveSize = 1 }), StringComparison.Ordinal);
        Assert.Contains("InFlight", Refusal(Options() with { InFlight = 0 }), StringComparison.Ordinal);
        Assert.Contains("CompetitionExponent", Refusal(Options() with { CompetitionExponent = -1 }), StringComparison.Ordinal);
        Assert.Contains("one record", Refusal(Options() with { Records = [] }), StringComparison.Ordinal);
        Assert.Contains("keep at least one", Refusal(Options() with { Screening = new Screening([0], 0) }), StringComparison.Ordinal);
        Assert.Contains("SplitUnit", Refusal(Options() with { Variation = new Variation { SplitUnit = 3 } }), StringComparison.Ordinal);
        Assert.Contains(
            "Without crossover", Refusal(Options() with { Variation = new Variation { Crossover = false } }), StringComparison.Ordinal);
    }

    [Fact]
    public void Tell_WithoutRecordLosses_IsRefused()
    {
        var optimizer = new NaturalNichesOptimizer(Starts, Options());
        var trials = optimizer.Ask();
        var error = Assert.Throws<ArgumentException>(() => optimizer.Tell([.. trials.Select(_ => new TrialEvaluation(1))]));
        Assert.Contains("loss of each of 4 records", error.Message, StringComparison.Ordinal);
    }

    private static NaturalNichesOptions Options() => new() { Records = [0, 1, 2, 3], Seed = 5 };

    private static string Refusal(NaturalNichesOptions options) =>
        Assert.Throws<ArgumentException>(() => new NaturalNichesOptimizer(Starts, options)).Message;

    private static double[][] Children(double[][] starts, NaturalNichesOptions options)
    {
        var optimizer = new NaturalNichesOptimizer(starts, options with { InFlight = 50 });
        optimizer.Tell([.. optimizer.Ask().Select(Answer)]);
        return [.. optimizer.Ask().Select(trial => trial.Point)];
    }

    private static void Run(NaturalNichesOptimizer optimizer, int rounds)
    {
        for (var round = 0; round < rounds; round++) optimizer.Tell([.. optimizer.Ask().Select(Answer)]);
    }

    private static double Error(double[] point) => point.Zip(Target, (x, t) => Math.Abs(x - t)).Sum();

    // Record j is solved the better the closer coordinate j is to its target.
    private static TrialEvaluation Answer(Trial trial)
    {
        double[] losses = [.. trial.Records!.Select(j => 1 - Math.Exp(-4 * Math.Abs(trial.Point[j % trial.Point.Length] - Target[j])))];
        return new TrialEvaluation(losses.Average()) { RecordLosses = losses };
    }
}
