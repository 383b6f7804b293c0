using Cuvee.Optimization.CmaEs;

namespace Cuvee.Optimization.Tests.CmaEs;

/// <summary>Expected values: the default formulas of pycma 4.4 worked out apart from this code, to the digits given.</summary>
public sealed class CmaEsParametersTests
{
    [Fact]
    public void Constants_DimensionTen_MatchPycmaDefaults()
    {
        var parameters = new CmaEsParameters(10);

        Assert.Equal(10, parameters.PopulationSize);
        Assert.Equal(5, parameters.Mu);
        Assert.Equal(3.1672992814107026, parameters.MuEff, 12);
        Assert.Equal(0.31961425291063345, parameters.CSigma, 12);
        Assert.Equal(1.3196142529106334, parameters.DSigma, 12);
        Assert.Equal(0.29499038303562225, parameters.CC, 12);
        Assert.Equal(0.015283824524751714, parameters.C1, 12);
        Assert.Equal(0.023551776650417484, parameters.CMu, 12);
        Assert.Equal(3.0847265651690123, parameters.ChiN, 12);
        Assert.Equal(2, parameters.EigenGap);
        Assert.Equal(0.45627264690340597, parameters.Weights[0], 12);
        Assert.Equal(-0.5497499176973852, parameters.Weights[^1], 12);
    }

    [Fact]
    public void Constants_AuthorsPopulationAtHundredAdapters_MatchPycmaDefaults()
    {
        var parameters = new CmaEsParameters(100, 20);

        Assert.Equal(10, parameters.Mu);
        Assert.Equal(5.93880423560124, parameters.MuEff, 12);
        Assert.Equal(0.07287397994962419, parameters.CSigma, 12);
        Assert.Equal(1.072873979949624, parameters.DSigma, 12);
        Assert.Equal(0.038988049946469365, parameters.CC, 12);
        Assert.Equal(0.00019478694040584723, parameters.C1, 14);
        Assert.Equal(0.0008371208290086757, parameters.CMu, 14);
        Assert.Equal(-0.21366530470995437, parameters.Weights[^1], 12);
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(15, 12)]
    [InlineData(20, 12)]
    [InlineData(40, 15)]
    public void PopulationSize_NotGiven_FollowsDimension(int dimension, int expected) =>
        Assert.Equal(expected, new CmaEsParameters(dimension).PopulationSize);

    [Theory]
    [InlineData(1, 4)]
    [InlineData(10, 11)]
    [InlineData(100, 20)]
    [InlineData(1000, 200)]
    public void Weights_AnyPopulation_DecreaseAndKeepCovariancePositive(int dimension, int population)
    {
        var parameters = new CmaEsParameters(dimension, population);

        Assert.Equal(1, parameters.Weights.Take(parameters.Mu).Sum(), 12);
        Assert.All(parameters.Weights.Skip(parameters.Mu), weight => Assert.True(weight <= 0));
        Assert.All(parameters.Weights.Zip(parameters.Weights.Skip(1)), pair => Assert.True(pair.First > pair.Second));
        // eq. (47) with every negative step of length sqrt(N) along one axis must leave its variance positive
        var negative = parameters.Weights.Where(weight => weight < 0).Sum();
        Assert.True(1 - parameters.C1 - parameters.CMu + (parameters.CMu * dimension * negative) >= -1e-12);
    }

    [Fact]
    public void Weights_ActiveUpdateOff_HasNoNegative() =>
        Assert.DoesNotContain(new CmaEsParameters(10, activeUpdate: false).Weights, weight => weight < 0);

    [Fact]
    public void Constructor_PopulationBelowFour_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CmaEsParameters(10, 3));
}
