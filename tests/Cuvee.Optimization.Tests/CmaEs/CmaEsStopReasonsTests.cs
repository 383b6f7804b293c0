using Cuvee.Optimization.CmaEs;

namespace Cuvee.Optimization.Tests.CmaEs;

/// <summary>Each reason is provoked alone, with every other tolerance off, and does not fire while it is off itself.</summary>
public sealed class CmaEsStopReasonsTests
{
    private static readonly CmaEsTolerances Off = CmaEsTolerances.None;

    [Fact]
    public void StopReasons_BeforeFirstTell_Empty() => Assert.Empty(new CmaEsOptimizer([0, 0], new CmaEsOptions()).StopReasons);

    [Fact]
    public void StopReasons_TargetReached_FTarget() =>
        AssertStops("ftarget", Off with { FTarget = 1e-3 }, BenchmarkFunctions.Sphere, 200);

    [Fact]
    public void StopReasons_GenerationsSpent_MaxIter() =>
        Assert.Equal(17, AssertStops("maxiter", Off with { MaxIterations = 17 }, BenchmarkFunctions.Sphere, 200));

    [Fact]
    public void StopReasons_DefaultMaxIter_FollowsDimensionAndPopulation()
    {
        // 100 + floor(150 (3 + 3)^2 / sqrt(7)) = 100 + 2041
        Assert.Equal(2141, AssertStops("maxiter", Off with { MaxIterations = -1 }, BenchmarkFunctions.Sphere, 3000));
    }

    [Fact]
    public void StopReasons_ConvergedOnPlateauFreeFunction_TolFunTolFunHistTolX()
    {
        AssertStops("tolfun", Off with { TolFun = 1e-11 }, x => 5 + BenchmarkFunctions.Sphere(x), 1000);
        AssertStops("tolfunhist", Off with { TolFunHist = 1e-12 }, x => 5 + BenchmarkFunctions.Sphere(x), 1000);
        AssertStops("tolx", Off with { TolX = 1e-11 }, BenchmarkFunctions.Sphere, 1000);
    }

    [Fact]
    public void StopReasons_LinearSlope_TolUpSigma() =>
        AssertStops("tolupsigma", Off with { TolUpSigma = 1e4 }, x => x[0] + x[1], 1000);

    [Fact]
    public void StopReasons_ConstantObjective_TolFlatFitness()
    {
        Assert.Equal(2, AssertStops("tolflatfitness", Off with { TolFlatFitness = 1 }, _ => 1, 10));
        Assert.Equal(6, AssertStops("tolflatfitness", Off with { TolFlatFitness = 5 }, _ => 1, 10));
    }

    [Fact]
    public void StopReasons_ExtremeEllipsoid_TolConditionCov() =>
        AssertStops("tolconditioncov", Off with { TolConditionCov = 1e8 }, x => x.Select((v, i) => Math.Pow(1e6, i) * v * v).Sum(), 2000);

    [Fact]
    public void StopReasons_NoisePlateau_Stagnation()
    {
        var random = new Cuvee.Numerics.SeededRandom(5);
        var generations = AssertStops("stagnation", Off with { Stagnation = true }, _ => random.NextGaussian(), 3000);
        Assert.True(generations >= 133); // 120 + ceil(30 * 3 / 7)
    }

    [Fact]
    public void StopReasons_MeanFarFromZeroAndTinySteps_NoEffect()
    {
        var options = new CmaEsOptions { InitialStepSize = 1e-9, Tolerances = Off with { NoEffect = true } };
        var optimizer = new CmaEsOptimizer([1e9, 1e9], options);
        Generation(optimizer, _ => 1);
        Assert.Contains("noeffectcoord", optimizer.StopReasons);
        Assert.Contains("noeffectaxis", optimizer.StopReasons);
    }

    [Fact]
    public void StopReasons_EverythingOff_NeverStops()
    {
        var optimizer = new CmaEsOptimizer([1, 1, 1], new CmaEsOptions { Tolerances = Off });
        for (var i = 0; i < 400; i++) Generation(optimizer, _ => 1);
        Assert.Empty(optimizer.StopReasons);
    }

    private static int AssertStops(string reason, CmaEsTolerances tolerances, Func<double[], double> objective, int limit)
    {
        var optimizer = new CmaEsOptimizer([1, 1, 1], new CmaEsOptions { Tolerances = tolerances });
        while (optimizer.Iteration < limit && optimizer.StopReasons.Count == 0) Generation(optimizer, objective);
        Assert.Equal([reason], optimizer.StopReasons.Keys);
        return optimizer.Iteration;
    }

    private static void Generation(CmaEsOptimizer optimizer, Func<double[], double> objective) =>
        optimizer.Tell([.. optimizer.Ask().Select(trial => new TrialEvaluation(objective(trial.Point)))]);
}
