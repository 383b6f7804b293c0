using Cuvee.Metrics;

namespace Cuvee.Tests.Metrics;

public sealed class BootstrapTests
{
    private const int Many = 40_000;

    private static readonly Ratio[] First = [new(0, 2), new(2, 4), new(6, 6), new(1, 5)];
    private static readonly Ratio[] Second = [new(1, 2), new(0, 4), new(2, 6), new(1, 5)];

    [Fact]
    public void Interval_FourRecords_AgreesWithAllResamples()
    {
        var interval = Bootstrap.Interval(First, seed: 1, Many);

        var exact = AllResamples(drawn => Value(First, drawn));
        Assert.Equal(9.0 / 17, interval.Value, 15);
        AssertBetweenNeighbours(exact, 0.025, interval.Lower);
        AssertBetweenNeighbours(exact, 0.975, interval.Upper);
    }

    [Fact]
    public void Difference_FourRecords_AgreesWithAllPairedResamples()
    {
        var interval = Bootstrap.Difference(First, Second, seed: 1, Many);

        var exact = AllResamples(drawn => Value(First, drawn) - Value(Second, drawn));
        Assert.Equal((9.0 / 17) - (4.0 / 17), interval.Value, 15);
        AssertBetweenNeighbours(exact, 0.025, interval.Lower);
        AssertBetweenNeighbours(exact, 0.975, interval.Upper);
    }

    [Fact]
    public void Interval_ManyEqualTrials_HasTheWidthOfTheBinomial()
    {
        // 400 records, 120 right: standard error sqrt(0.3 * 0.7 / 400) = 0.0229, 95% within 1.96 of them.
        var records = Enumerable.Range(0, 400).Select(i => new MetricCounts(i < 120 ? 1 : 0, 1, 1)).ToArray();

        var interval = Bootstrap.Interval(records, seed: 5, 10_000);

        Assert.Equal(0.3, interval.Value, 15);
        Assert.InRange(interval.Lower, 0.3 - 0.0449 - 0.004, 0.3 - 0.0449 + 0.004);
        Assert.InRange(interval.Upper, 0.3 + 0.0449 - 0.004, 0.3 + 0.0449 + 0.004);
    }

    [Fact]
    public void Difference_SameModel_IsZeroAndNotSignificant()
    {
        var interval = Bootstrap.Difference(First, First, seed: 3);

        Assert.Equal(new ConfidenceInterval(0, 0, 0), interval);
    }

    [Fact]
    public void Difference_BetterOnEveryRecord_ExcludesZero()
    {
        Ratio[] worse = [.. First.Select(r => new Ratio(r.Numerator - 1, r.Denominator))];

        var interval = Bootstrap.Difference(First, worse, seed: 3);

        Assert.True(interval.Lower > 0);
        Assert.True(Bootstrap.Difference(worse, First, seed: 3).Upper < 0);
    }

    [Fact]
    public void Interval_SameSeed_IsTheSame()
    {
        Assert.Equal(Bootstrap.Interval(First, seed: 9), Bootstrap.Interval(First, seed: 9));
    }

    [Fact]
    public void Interval_NoRecords_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Interval(Array.Empty<Ratio>(), seed: 1));
    }

    [Fact]
    public void Difference_OtherNumberOfRecords_Throws()
    {
        Assert.Throws<ArgumentException>(() => Bootstrap.Difference(First, [new Ratio(1, 1)], seed: 1));
    }

    private static double[] AllResamples(Func<int[], double> estimate)
    {
        var estimates = new List<double>();
        for (var code = 0; code < 256; code++) estimates.Add(estimate([code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3]));
        estimates.Sort();
        return [.. estimates];
    }

    private static double Value(Ratio[] records, int[] drawn) =>
        drawn.Sum(i => records[i].Numerator) / drawn.Sum(i => records[i].Denominator);

    /// <summary>
    /// The sampled quantile may differ from the exact one by 0.5 percentage points of probability (over six standard errors).
    /// </summary>
    private static void AssertBetweenNeighbours(double[] exact, double probability, double sampled)
    {
        var below = exact[(int)Math.Floor((probability - 0.005) * exact.Length)];
        var above = exact[(int)Math.Min(exact.Length - 1, Math.Ceiling((probability + 0.005) * exact.Length))];
        Assert.InRange(sampled, below - 1e-12, above + 1e-12);
    }
}
