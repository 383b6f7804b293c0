using Cuvee.Optimization.CmaEs;
using Xunit.Abstractions;

namespace Cuvee.Optimization.Tests.CmaEs;

/// <summary>
/// Oracle: medians of pycma 4.4 with default settings over 21 seeds, evaluations until f &lt;= 1e-9, all other tolerances off; a run that
/// does
/// not get there counts as infinite. Pycma's evaluations are counted in whole generations, ours too.
/// </summary>
public sealed class PycmaTableTests(ITestOutputHelper output)
{
    private const int Seeds = 21;

    [Theory]
    [InlineData("sphere", 10, 1.0, null, 1430)]
    [InlineData("sphere", 40, 1.0, null, 5295)]
    [InlineData("ellipsoid", 10, 1.0, null, 4130)]
    [InlineData("rotated ellipsoid", 10, 1.0, null, 4200)]
    [InlineData("rotated ellipsoid", 40, 1.0, null, 48420)]
    [InlineData("Rosenbrock", 10, 0.0, null, 5110)]
    [InlineData("Rosenbrock", 20, 0.0, null, 16338)]
    [InlineData("sphere", 100, 1.0, 20, 12420)]
    public void MedianEvaluations_DefaultSettings_WithinTenPercentOfPycma(
        string function, int dimension, double start, int? population, int expected)
    {
        var evaluations = new double[Seeds];
        Parallel.For(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
            evaluations[seed] = EvaluationsToTarget(function, dimension, start, population, (ulong)seed + 1, 10 * expected));
        Array.Sort(evaluations);

        var solved = evaluations.Count(double.IsFinite);
        var quartiles = $"{evaluations[5]}-{evaluations[15]}";
        output.WriteLine($"| {function} | {dimension} | {expected} | {solved} | {evaluations[10]} | {quartiles} |");
        Assert.InRange(solved, 18, Seeds);
        Assert.InRange(evaluations[Seeds / 2], 0.9 * expected, 1.1 * expected);
    }

    private static double EvaluationsToTarget(string function, int dimension, double start, int? population, ulong seed, int budget)
    {
        Func<double[], double> objective = function switch
        {
            "sphere" => BenchmarkFunctions.Sphere,
            "ellipsoid" => BenchmarkFunctions.Ellipsoid,
            "rotated ellipsoid" => BenchmarkFunctions.RotatedEllipsoid(dimension, seed),
            _ => BenchmarkFunctions.Rosenbrock,
        };
        var optimizer = new CmaEsOptimizer(Enumerable.Repeat(start, dimension).ToArray(), new CmaEsOptions
        {
            InitialStepSize = 0.5,
            PopulationSize = population,
            Seed = seed,
            Tolerances = CmaEsTolerances.None with { FTarget = 1e-9 },
        });
        var evaluations = 0;
        while (evaluations < budget)
        {
            var trials = optimizer.Ask();
            optimizer.Tell([.. trials.Select(trial => new TrialEvaluation(objective(trial.Point)))]);
            evaluations += trials.Count;
            if (optimizer.StopReasons.ContainsKey("ftarget")) return evaluations;
        }

        return double.PositiveInfinity;
    }
}
