using Cuvee.Metrics;
using Cuvee.Numerics;

namespace Cuvee.Tests.Metrics;

/// <summary>Runs and records are both drawn.</summary>
public sealed class PooledBootstrapTests
{
    private const int Many = 40_000;

    private static readonly Ratio[] First = [new(0, 2), new(2, 4), new(6, 6)];
    private static readonly Ratio[] Second = [new(1, 2), new(0, 4), new(2, 6)];
    private static readonly Ratio[] Third = [new(2, 2), new(3, 4), new(3, 6)];

    [Fact]
    public void PooledInterval_ThreeRunsOfThreeRecords_AgreesWithAllResamples()
    {
        Ratio[][] runs = [First, Second, Third];

        var interval = Bootstrap.Resample(runs, seed: 1, Many).Interval;

        AssertQuantiles(AllResamples(drawn => drawn.Runs.Average(run => Value(runs[run], drawn.Records))), interval);
        Assert.Equal(((8.0 / 12) + (3.0 / 12) + (8.0 / 12)) / 3, interval.Value, 15);
    }

    [Fact]
    public void PooledDifference_ThreeRunsOfThreeRecords_AgreesWithAllPairedResamples()
    {
        Ratio[][] runs = [First, Second, Third];
        Ratio[][] others = [Second, Second, First];

        var interval = Bootstrap.PooledDifference(runs, others, seed: 1, Many);

        AssertQuantiles(
            AllResamples(drawn => drawn.Runs.Average(run => Value(runs[run], drawn.Records) - Value(others[run], drawn.Records))),
            interval);
    }

    [Fact]
    public void Resample_RunSeed_DrawsTheSameRunsForOtherRecords()
    {
        // Runs whose values do not vary over records: an estimate is the mean of the runs drawn.
        Ratio[][] Constant(params int[] values) => [.. values.Select(value => (Ratio[])[new(value, 1), new(value, 1)])];
        var first = Bootstrap.Resample(Constant(1, 2, 4), seed: 3, 60, runSeed: 9);
        var second = Bootstrap.Resample(Constant(8, 16, 32), seed: 4, 60, runSeed: 9);
        var other = Bootstrap.Resample(Constant(8, 16, 32), seed: 4, 60, runSeed: 10);

        Assert.Equal(first.Estimates.Select(estimate => 8 * estimate), second.Estimates);
        Assert.NotEqual(second.Estimates, other.Estimates);
        Assert.Equal(
            Bootstrap.Resample([First, Second], seed: 3, 60).Estimates,
            Bootstrap.Resample([First, Second], seed: 3, 60, runSeed: 3).Estimates);
    }

    [Fact]
    public void Mean_Values_IsTheMeanDrawByDraw()
    {
        var mean = ResampledValue.Mean([new ResampledValue(1, [0, 2, 4]), new ResampledValue(4, [8, 2, 0])]);
        Assert.Equal(2.5, mean.Value);
        Assert.Equal([4, 2, 2], mean.Estimates);
    }

    [Fact]
    public void Resample_AnyRuns_EqualsAPlainImplementationDrawByDraw()
    {
        Ratio[][] runs = [First, Second];
        var (records, drawnRuns) = (SeededRandom.Derive(11, "bootstrap"), SeededRandom.Derive(11, "bootstrap-runs"));

        var estimates = Bootstrap.Resample(runs, seed: 11, 50).Estimates;

        foreach (var estimate in estimates)
        {
            int[] at = [.. First.Select(_ => records.NextInt32(3))];
            Assert.Equal(Value(runs[drawnRuns.NextInt32(2)], at), estimate, 15); // one run fewer than two
        }
    }

    [Fact]
    public void PooledInterval_OneRun_IsThePlainBootstrap()
    {
        Assert.Equal(Bootstrap.Interval(First, seed: 7), Bootstrap.Resample([First], seed: 7).Interval);
        Assert.Equal(Bootstrap.Difference(First, Second, seed: 7), Bootstrap.PooledDifference([First], [Second], seed: 7));
    }

    [Fact]
    public void PooledInterval_TwoIdenticalRuns_IsTheIntervalOfOne()
    {
        Assert.Equal(Bootstrap.Interval(First, seed: 7), Bootstrap.Resample([First, First], seed: 7).Interval);
        Assert.Equal(Bootstrap.Difference(First, Second, seed: 7), Bootstrap.PooledDifference([First, First], [Second, Second], seed: 7));
    }

    [Fact]
    public void PooledInterval_RunsThatDifferOnly_HasTheWidthOfTheRuns()
    {
        // Every record the same: two draws of 0.4 have a chance of 1/9, over 2.5%, and so have two of 0.6.
        var runs = new[] { 0.4, 0.5, 0.6 }.Select(value => Enumerable.Repeat(new Ratio(value, 1), 50).ToArray()).ToArray();

        var interval = Bootstrap.Resample(runs, seed: 2, Many).Interval;

        Assert.Equal(0.5, interval.Value, 12);
        Assert.Equal(0.4, interval.Lower, 12);
        Assert.Equal(0.6, interval.Upper, 12);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    [InlineData(0.5)]
    public void PooledInterval_RunsApart_HasTheVarianceOfRecordsPlusRuns(double apart)
    {
        var random = new SeededRandom(4);
        double[] records = [.. Enumerable.Range(0, 200).Select(_ => random.NextGaussian())];
        Ratio[][] runs = [.. new[] { -apart, apart, -apart, apart }.Select(by => records.Select(r => new Ratio(r + by, 1)).ToArray())];
        var mean = records.Average();
        var runsVariance = apart * apart / 3; // of the mean of four: theirs is 4/3 of apart squared
        var variance = (records.Average(r => (r - mean) * (r - mean)) / 200) + runsVariance;

        var interval = Bootstrap.Resample(runs, seed: 3, Many).Interval;

        var width = 2 * 1.96 * Math.Sqrt(variance);
        Assert.InRange(interval.Upper - interval.Lower, 0.95 * width, 1.05 * width);
    }

    /// <summary>
    /// Value of run r at record i: 0.5 or 0.45 + run effect + record effect + noise. The noise counts in the draw of runs and in that of
    /// records (Owen 2007), so that the interval is on the safe side.
    /// </summary>
    [Theory]
    [InlineData(3, 0.01)]
    [InlineData(5, 0.02)]
    public void PooledInterval_SyntheticRuns_CoversTheTruth(int runs, double runDeviation)
    {
        const int Trials = 300;
        var random = new SeededRandom(20);
        var (covered, differencesCovered) = (0, 0);
        for (var trial = 0; trial < Trials; trial++)
        {
            double[] effects = [.. Enumerable.Range(0, 100).Select(_ => 0.3 * random.NextGaussian())];
            Ratio[] Run(double mean)
            {
                var shift = mean + (runDeviation * random.NextGaussian());
                return [.. effects.Select(effect => new Ratio(shift + effect + (0.1 * random.NextGaussian()), 1))];
            }

            Ratio[][] first = [.. Enumerable.Range(0, runs).Select(_ => Run(0.5))];
            Ratio[][] second = [.. Enumerable.Range(0, runs).Select(_ => Run(0.45))];
            var interval = Bootstrap.Resample(first, seed: (ulong)trial, 400).Interval;
            var difference = Bootstrap.PooledDifference(first, second, seed: (ulong)trial, 400);
            if (interval.Lower <= 0.5 && interval.Upper >= 0.5) covered++;
            if (difference.Lower <= 0.05 && difference.Upper >= 0.05) differencesCovered++;
        }

        Assert.InRange(covered, 0.93 * Trials, Trials);
        Assert.InRange(differencesCovered, 0.93 * Trials, Trials);
    }

    /// <summary>Seeds are all that differs: the worst case, which docs/run-yaml.md states.</summary>
    [Theory]
    [InlineData(1, 2, 0.49)]
    [InlineData(1, 3, 0.75)]
    [InlineData(6, 2, 0.89)]
    [InlineData(6, 3, 0.92)]
    public void PooledInterval_AverageOverTargets_CoversAsDocumented(int targets, int runs, double share)
    {
        const int Trials = 600;
        var random = new SeededRandom(21);
        var covered = 0;
        for (var trial = 0; trial < Trials; trial++)
        {
            var interval = ResampledValue.Mean(
            [
                .. Enumerable.Range(0, targets).Select(target => Bootstrap.Resample(
                    [.. Enumerable.Range(0, runs).Select(_ => (Ratio[])[new Ratio(random.NextGaussian(), 1)])],
                    (ulong)((trial * targets) + target),
                    400)),
            ]).Interval;
            if (interval.Lower <= 0 && interval.Upper >= 0) covered++;
        }

        Assert.InRange(covered, (share - 0.04) * Trials, (share + 0.04) * Trials);
    }

    [Fact]
    public void PooledInterval_WrongShapes_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Resample([], seed: 1).Interval);
        Assert.Throws<ArgumentException>(() => Bootstrap.Resample([First, [new Ratio(1, 1)]], seed: 1).Interval);
        Assert.Throws<ArgumentException>(() => Bootstrap.PooledDifference([First, Second], [First], seed: 1));
    }

    private static double Value(Ratio[] records, int[] drawn) =>
        drawn.Sum(i => records[i].Numerator) / drawn.Sum(i => records[i].Denominator);

    private static double[] AllResamples(Func<(int[] Runs, int[] Records), double> estimate)
    {
        int[][] twos = [.. Enumerable.Range(0, 9).Select(code => new[] { code % 3, code / 3 })];
        int[][] threes = [.. Enumerable.Range(0, 27).Select(code => new[] { code % 3, code / 3 % 3, code / 9 })];
        return [.. twos.SelectMany(runs => threes.Select(records => estimate((runs, records)))).Order()];
    }

    /// <summary>The sampled quantile may be off by 0.5 percentage points of probability.</summary>
    private static void AssertQuantiles(double[] exact, ConfidenceInterval sampled)
    {
        double At(double probability) => exact[(int)Math.Clamp(probability * exact.Length, 0, exact.Length - 1)];
        Assert.InRange(sampled.Lower, At(0.02) - 1e-12, At(0.03) + 1e-12);
        Assert.InRange(sampled.Upper, At(0.97) - 1e-12, At(0.98) + 1e-12);
    }
}
