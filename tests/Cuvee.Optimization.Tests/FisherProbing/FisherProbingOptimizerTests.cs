using Cuvee.Optimization.CmaEs;
using Cuvee.Optimization.FisherProbing;

namespace Cuvee.Optimization.Tests.FisherProbing;

public sealed class FisherProbingOptimizerTests
{
    private const int Dimension = 10;
    private static readonly double[] Start = [.. Enumerable.Repeat(1.0 / Dimension, Dimension)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // the mean of the records' means
    public void Run_AllRecordsEveryRound_ReachesNewtonsOptimum(bool countsRecordsAlike)
    {
        var model = new SoftmaxBlackBox(Dimension, 40, seed: 1, countsRecordsAlike: countsRecordsAlike);
        var other = new SoftmaxBlackBox(Dimension, 40, seed: 1, countsRecordsAlike: !countsRecordsAlike);
        Assert.Contains(model.Optimum().Zip(other.Optimum()), pair => Math.Abs(pair.First - pair.Second) > 0.06);
        var optimizer = new FisherProbingOptimizer(
            Start,
            Options(40) with { ProbeRecords = 40, TolX = null, TolImprovement = null, CountsRecordsAlike = countsRecordsAlike });
        for (var round = 0; round < 30; round++) Round(optimizer, model);

        var optimum = model.Optimum();
        var excess = model.Loss(optimizer.Recommend()[0]) - model.Loss(optimum);
        Assert.InRange(excess, -1e-9, 1e-3 * (model.Loss(Start) - model.Loss(optimum)));
        for (var i = 0; i < Dimension; i++) Assert.Equal(optimum[i], optimizer.Recommend()[0][i], 0.03);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // only one number a record: its tokens are taken for equal
    public void Run_DefaultSettings_ClosesTheGapWithFarFewerQueriesThanCmaEs(bool sumsOnly)
    {
        var model = new SoftmaxBlackBox(Dimension, 60, seed: 2, sumsOnly: sumsOnly);
        var floor = model.Loss(model.Optimum());
        var goal = floor + (0.08 * (model.Loss(Start) - floor));

        var fisher = new FisherProbingOptimizer(Start, Options(60));
        var fisherQueries = QueriesTo(goal, fisher, model, 6_000);
        var cmaEs = new CmaEsOptimizer(Start, new CmaEsOptions { InitialStepSize = 0.2, Bounds = BoxBounds.Uniform(Dimension, -1.5, 1.5) });
        var cmaEsQueries = QueriesTo(goal, cmaEs, model, 60_000);

        Assert.True(fisherQueries * 3 < cmaEsQueries, $"Fisher probing took {fisherQueries} queries, CMA-ES {cmaEsQueries}.");
    }

    /// <summary>A record's sum, spread over its tokens, keeps a curvature however long answers are.</summary>
    [Theory]
    [InlineData(20, false)]
    [InlineData(40, false)]
    [InlineData(40, true)]
    public void Run_SumsOfLongAnswers_DampingsDifferAndTheLossFalls(int answerTokens, bool countsRecordsAlike)
    {
        var model = new SoftmaxBlackBox(
            Dimension, 40, seed: 2, sumsOnly: true, countsRecordsAlike: countsRecordsAlike, answerTokens: answerTokens);
        var optimizer = new FisherProbingOptimizer(Start, Options(40) with { CountsRecordsAlike = countsRecordsAlike });
        Tell(optimizer, model);
        var steps = Tell(optimizer, model).Skip(1).ToList();
        Assert.Equal(3, steps.DistinctBy(step => string.Join(' ', step.Point)).Count());
        Assert.Contains(steps, step => step.Point.All(weight => Math.Abs(weight) < 1.5));
        for (var round = 1; round < 10; round++) Round(optimizer, model);
        var floor = model.Loss(model.Optimum());
        Assert.InRange((model.Loss(optimizer.Recommend()[0]) - floor) / (model.Loss(Start) - floor), 0, 0.2);
    }

    [Fact]
    public void Ask_FirstRound_ProbesThenMinimaOfTheLogisticModelOnFixedRecords()
    {
        var model = new SoftmaxBlackBox(3, 30, seed: 3);
        double[] start = [0.2, 0.1, -0.1];
        var optimizer = new FisherProbingOptimizer(start, Options(30) with { ProbeRecords = 6, LineSearchRecords = 9, InitialDamping = 5 });

        var probes = optimizer.Ask();
        Assert.Equal(4, probes.Count);
        Assert.Equal(start, probes[0].Point);
        Assert.All(probes, trial => Assert.Equal(probes[0].Records, trial.Records));
        Assert.Equal(6, probes[0].Records!.Distinct().Count());
        for (var i = 0; i < 3; i++)
        {
            for (var j = 0; j < 3; j++) Assert.Equal(start[j] + (i == j ? 0.05 : 0), probes[i + 1].Point[j], 15);
        }

        TrialEvaluation[] answers = [.. probes.Select(model.Evaluate)];
        optimizer.Tell(answers);
        var steps = optimizer.Ask();

        Assert.Equal(4, steps.Count); // the point itself, then c = 0.1, 1, 10
        Assert.Equal(start, steps[0].Point);
        Assert.All(steps, trial => Assert.Equal(steps[0].Records, trial.Records));
        Assert.Equal(9, steps[0].Records!.Distinct().Count());
        double[] multipliers = [0.1, 1, 10];
        for (var k = 0; k < 3; k++)
        {
            var minimum = steps[k + 1].Point;
            Assert.True(minimum.All(weight => Math.Abs(weight) < 1.5), "The damping keeps the minimum inside the box.");
            Assert.InRange(Slope(answers, start, minimum, 5 * multipliers[k]) / Slope(answers, start, start, 5 * multipliers[k]), 0, 1e-3);
        }
    }

    /// <summary>Secants from 0, whatever the start; the second round probes around the point that they led to.</summary>
    [Fact]
    public void Ask_FirstRoundAlone_CoordinatesAloneOnTheGivenRecords()
    {
        var model = new SoftmaxBlackBox(Dimension, 50, seed: 4);
        var optimizer = new FisherProbingOptimizer(Start, Options(50) with { FirstAlone = [3, 8, 20], ProbeRecords = 6 });
        var alone = optimizer.Ask();
        Assert.Equal(1 + Dimension, alone.Count);
        Assert.All(alone, trial => Assert.Equal([3, 8, 20], trial.Records));
        Assert.All(alone[0].Point, value => Assert.Equal(0, value));
        for (var i = 0; i < Dimension; i++) Assert.Equal(Start.Select((_, j) => i == j ? 1.0 : 0), alone[i + 1].Point);

        optimizer.Tell([.. alone.Select(model.Evaluate)]);
        var steps = Tell(optimizer, model);
        Assert.Equal(Start, steps[0].Point);
        var probes = optimizer.Ask();
        Assert.Equal(6, probes[^1].Records!.Count);
        Assert.Equal(0.05, optimizer.Recommend()[0].Zip(probes[^1].Point, (a, b) => Math.Abs(a - b)).Max(), 12);
        optimizer.Tell([.. probes.Select(model.Evaluate)]);
        Tell(optimizer, model);
        Assert.True(model.Loss(optimizer.Recommend()[0]) < model.Loss(Start));
    }

    /// <summary>The first round probes all; then the two largest weights and two others, which alone may move.</summary>
    [Fact]
    public void Run_SomeCoordinatesARound_MovesThoseAndReachesTheOptimumAllTheSame()
    {
        var model = new SoftmaxBlackBox(Dimension, 40, seed: 1);
        var optimizer = new FisherProbingOptimizer(
            Start, Options(40) with { ProbeRecords = 40, ProbedCoordinates = 4, TolX = null, TolImprovement = null });
        Assert.Equal(1 + Dimension, Tell(optimizer, model).Count);
        Tell(optimizer, model);
        var turns = new HashSet<int>();
        for (var round = 1; round < 60; round++)
        {
            var point = optimizer.Recommend()[0];
            int[] Moved(Trial trial) => [.. Enumerable.Range(0, Dimension).Where(i => trial.Point[i] != point[i])];
            int[] probed = [.. Tell(optimizer, model).SelectMany(Moved)];
            Assert.Equal(4, probed.Length);
            Assert.Equal(probed.Distinct().Order(), probed);
            turns.UnionWith(probed);
            var strongest = Enumerable.Range(0, Dimension).OrderByDescending(i => Math.Abs(point[i])).Take(2);
            Assert.Empty(strongest.Except(probed));
            Assert.Empty(Tell(optimizer, model).SelectMany(Moved).Except(probed));
        }

        Assert.Equal(Dimension, turns.Count);
        var floor = model.Loss(model.Optimum());
        Assert.InRange(model.Loss(optimizer.Recommend()[0]) - floor, -1e-9, 0.01 * (model.Loss(Start) - floor));
    }

    [Fact]
    public void Ask_LaterRounds_AsksTheCurrentPointOnlyOnRecordsNotYetKnown()
    {
        var model = new SoftmaxBlackBox(Dimension, 50, seed: 4);
        var optimizer = new FisherProbingOptimizer(Start, Options(50) with { LineSearchRecords = 25 });
        Tell(optimizer, model);
        var lineSearch = Tell(optimizer, model);

        var probes = optimizer.Ask();
        var known = lineSearch[0].Records!;
        var expected = probes[^1].Records!.Except(known).ToArray();
        Assert.Equal(optimizer.Recommend()[0], probes[0].Point);
        Assert.Equal(expected, probes[0].Records);
        Assert.InRange(expected.Length, 1, 11);
        optimizer.Tell([.. probes.Select(model.Evaluate)]);
        Assert.Equal(3, optimizer.Ask().Count); // the point's own loss is kept
    }

    [Fact]
    public void Tell_NothingBetter_KeepsThePointDampsMoreAndStops()
    {
        var model = new SoftmaxBlackBox(Dimension, 40, seed: 6);
        // the same records every round, so that direction and damping stay as they are
        var options = Options(40) with { ProbeRecords = 40, Memory = 0, TolImprovement = null, TolX = 1e-3 };
        var optimizer = new FisherProbingOptimizer(Start, options);
        var lengths = new List<double>();
        while (optimizer.StopReasons.Count == 0 && optimizer.Round < 30)
        {
            Tell(optimizer, model);
            var candidates = optimizer.Ask();
            lengths.Add(Math.Sqrt(candidates[^1].Point.Zip(Start, (a, b) => (a - b) * (a - b)).Sum()));
            optimizer.Tell([.. candidates.Select(trial => new TrialEvaluation(trial.Point.SequenceEqual(Start) ? 1 : double.NaN))]);
            Assert.Equal(Start, optimizer.Recommend()[0]);
        }

        for (var i = 1; i < lengths.Count; i++) Assert.True(lengths[i] < lengths[i - 1]);
        Assert.InRange(lengths.Count, 2, 12);
        Assert.Equal(["tolx"], optimizer.StopReasons.Keys);
    }

    [Fact]
    public void Run_OptimumOutsideNarrowBox_StaysInsideAndProbesBackwardsAtTheBound()
    {
        var model = new SoftmaxBlackBox(Dimension, 40, seed: 7);
        var bounds = BoxBounds.Uniform(Dimension, -0.3, 0.3); // hidden weights reach 0.8 and -0.55
        var optimizer = new FisherProbingOptimizer(Start, Options(40) with { Bounds = bounds, TolImprovement = null, TolX = null });
        for (var i = 0; i < 24; i++)
        {
            var trials = Tell(optimizer, model);
            Assert.All(trials, trial => Assert.True(bounds.Contains(trial.Point)));
        }

        var point = optimizer.Recommend()[0];
        Assert.Equal(0.3, point[0]);
        Assert.Equal(0.3, point[1]);
        Assert.Equal(-0.3, point[2]);
        Assert.True(model.Loss(point) < model.Loss(Start));
    }

    [Fact]
    public void Tell_CoordinateWithoutEffectAndTokensNotFinite_StillDescends()
    {
        var model = new SoftmaxBlackBox(Dimension - 1, 40, seed: 8); // F is singular: the last coordinate does nothing
        var optimizer = new FisherProbingOptimizer(Start, Options(40) with { InitialDamping = 1e-8 });
        TrialEvaluation Answer(Trial trial)
        {
            var evaluation = model.Evaluate(trial with { Point = [.. trial.Point.Take(Dimension - 1)] });
            float[] ThirdLost(IReadOnlyList<float> record) => [.. record.Select((t, i) => i == 2 ? float.NegativeInfinity : t)];
            return evaluation with { TokenLogProbabilities = [.. evaluation.TokenLogProbabilities!.Select(ThirdLost)] };
        }

        for (var i = 0; i < 12; i++) optimizer.Tell([.. optimizer.Ask().Select(Answer)]);

        double[] Reduced(double[] point) => [.. point.Take(Dimension - 1)];
        var floor = model.Loss(model.Optimum());
        Assert.True(model.Loss(Reduced(optimizer.Recommend()[0])) - floor < 0.3 * (model.Loss(Reduced(Start)) - floor));
        Assert.Equal(Start[^1], optimizer.Recommend()[0][^1]);
    }

    [Fact]
    public void StopReasons_RoundsSpentOrFlat_AreNamed()
    {
        var model = new SoftmaxBlackBox(Dimension, 30, seed: 9);
        var limited = new FisherProbingOptimizer(Start, Options(30) with { MaxRounds = 2 });
        Round(limited, model);
        Assert.Empty(limited.StopReasons);
        Round(limited, model);
        Assert.Equal(["maxiter"], limited.StopReasons.Keys);

        var settled = new FisherProbingOptimizer(Start, Options(30) with { ProbeRecords = 30, TolX = null });
        while (settled.StopReasons.Count == 0 && settled.Round < 60) Round(settled, model);
        Assert.Equal(["stagnation"], settled.StopReasons.Keys);

        var flat = new FisherProbingOptimizer(Start, Options(30));
        for (var i = 0; i < 2; i++)
            flat.Tell([.. flat.Ask().Select(trial => new TrialEvaluation(1, 0, [.. trial.Records!.Select(_ => new float[] { -1 })]))]);
        Assert.Equal(["zerogradient"], flat.StopReasons.Keys);
        Assert.NotEmpty(flat.Ask());
    }

    [Fact]
    public void Tell_NoOrUnequalLogProbabilities_ThrowsNamingTheMend()
    {
        var optimizer = new FisherProbingOptimizer(Start, Options(30));
        var trials = optimizer.Ask();
        var none = Assert.Throws<InvalidOperationException>(() => optimizer.Tell([.. trials.Select(_ => new TrialEvaluation(1))]));
        Assert.Contains("CMA-ES", none.Message, StringComparison.Ordinal);

        TrialEvaluation[] unequal = [.. trials.Select((trial, k) =>
            new TrialEvaluation(1, 0, [.. trial.Records!.Select(_ => new float[k == 2 ? 3 : 4])]))];
        var counts = Assert.Throws<InvalidOperationException>(() => optimizer.Tell(unequal));
        Assert.Contains("4 log-probabilities", counts.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_SettingOutOfRange_ThrowsNamingIt()
    {
        var exception = Assert.Throws<ArgumentException>(() => new FisherProbingOptimizer(Start, Options(30) with { Memory = 1 }));
        Assert.Contains("Memory", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new FisherProbingOptimizer([2.0], Options(30)));
        var narrow = new BoxBounds([-1, 0], [1, 0.25]);
        var step = Assert.Throws<ArgumentException>(
            () => new FisherProbingOptimizer([0, 0.1], Options(30) with { Bounds = narrow, ProbeStep = 0.125 }));
        Assert.Contains("ProbeStep of Fisher probing is 0.125", step.Message, StringComparison.Ordinal);
        Assert.NotNull(new FisherProbingOptimizer([0, 0.1], Options(30) with { Bounds = narrow, ProbeStep = 0.12 }));
    }

    private static FisherProbingOptions Options(int records) => new() { RecordCount = records, Seed = 11 };

    private static IReadOnlyList<Trial> Tell(IOptimizer optimizer, SoftmaxBlackBox model)
    {
        var trials = optimizer.Ask();
        optimizer.Tell([.. trials.Select(model.Evaluate)]);
        return trials;
    }

    private static void Round(FisherProbingOptimizer optimizer, SoftmaxBlackBox model)
    {
        Tell(optimizer, model);
        Tell(optimizer, model);
    }

    private static int QueriesTo(double goal, IOptimizer optimizer, SoftmaxBlackBox model, int budget)
    {
        var before = model.Queries;
        while (model.Loss(optimizer.Recommend()[0]) > goal)
        {
            Assert.True(model.Queries - before < budget, $"{optimizer.Name} did not reach {goal} in {budget} queries.");
            Tell(optimizer, model);
        }

        return model.Queries - before;
    }

    private static void AssertSame(IReadOnlyList<Trial> expected, IReadOnlyList<Trial> actual)
    {
        Assert.Equal(expected.Select(trial => trial.Point), actual.Select(trial => trial.Point));
        Assert.Equal(expected.Select(trial => trial.Records), actual.Select(trial => trial.Records));
    }

    /// <summary>
    /// Length of the gradient of the damped logistic model at a point, from the answers alone: mean softplus(-z), z the log-odds
    /// extrapolated along their differences, plus ridge / 2 |x - start|^2.
    /// </summary>
    private static double Slope(TrialEvaluation[] answers, double[] start, double[] x, double damping)
    {
        double[] LogOdds(TrialEvaluation answer) =>
            [.. answer.TokenLogProbabilities!.SelectMany(record => record).Select(t => t - Math.Log(1 - Math.Exp(t)))];
        var z = answers.Select(LogOdds).ToArray();
        var tokens = z[0].Length;
        double SlopeOf(int t, int i) => (z[i + 1][t] - z[0][t]) / 0.05;
        double Sigmoid(double value) => 1 / (1 + Math.Exp(-value));
        var curvature = Enumerable.Range(0, tokens).Average(t =>
            Sigmoid(z[0][t]) * (1 - Sigmoid(z[0][t])) * Enumerable.Range(0, 3).Sum(i => SlopeOf(t, i) * SlopeOf(t, i)));
        var ridge = damping * curvature / 3;
        var gradient = new double[3];
        for (var t = 0; t < tokens; t++)
        {
            var there = z[0][t] + Enumerable.Range(0, 3).Sum(i => SlopeOf(t, i) * (x[i] - start[i]));
            for (var i = 0; i < 3; i++) gradient[i] -= (1 - Sigmoid(there)) * SlopeOf(t, i) / tokens;
        }

        for (var i = 0; i < 3; i++) gradient[i] += ridge * (x[i] - start[i]);
        return Math.Sqrt(gradient.Sum(g => g * g));
    }
}
