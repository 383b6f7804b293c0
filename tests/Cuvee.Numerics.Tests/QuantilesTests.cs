namespace Cuvee.Numerics.Tests;

public sealed class QuantilesTests
{
    /// <summary>1 + 3 p, by the definition: the order statistics stand at p = 0, 1/3, 2/3 and 1.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.1, 1.3)]
    [InlineData(0.5, 2.5)]
    [InlineData(0.99, 3.97)]
    [InlineData(1, 4)]
    public void Of_FourValues_InterpolatesBetweenThem(double probability, double expected) =>
        Assert.Equal(expected, Quantiles.Of([4, 1, 3, 2], probability), 12);

    [Fact]
    public void Median_OddCount_IsTheMiddleOne() => Assert.Equal(3, Quantiles.Median([9, 3, 1]));

    [Fact]
    public void Of_NothingOrNoProbability_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Quantiles.Median([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Quantiles.Of([1], 1.5));
    }
}
