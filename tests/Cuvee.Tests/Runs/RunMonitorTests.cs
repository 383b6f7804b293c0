using Cuvee.Events;
using Cuvee.Merging;
using Cuvee.Merging.Methods;
using Cuvee.Optimization;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Tests.Runs;

public sealed class RunMonitorTests
{
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)] // the first sample was an easy one
    public void Observe_NoLowerLossForManyGenerations_WarnsOnceWhereTheySawTheSameRecords(bool comparesGenerations, int warnings)
    {
        var space = new WeightSpace(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 0.1), new AdapterShare("b", 0.2)]));
        var monitor = new RunMonitor("weights", space, comparesGenerations);
        Trial[] trials = [new([0.1, 0.2]), new([0.3, -0.2])];
        var told = Enumerable.Range(1, 20).SelectMany(iteration => monitor.Observe(
            iteration, trials, [new TrialEvaluation(1 + (0.01 * iteration)), new TrialEvaluation(2)], [0.1, 0.2]));
        Assert.Equal(Enumerable.Repeat(WarningKind.Stagnation, warnings), told.Select(warning => warning.Kind));
    }

    [Theory]
    [InlineData(1, 1, "")] // everything kept
    [InlineData(0.5, 2, "lambda")]
    [InlineData(1, 2, "lambda")]
    public void Observe_ParameterAtItsBound_WarnsWhereTheParameterGoesOn(double density, double lambda, string named)
    {
        var method = new TiesMerge();
        var space = new MethodSpace(method, new MethodRecipe(method.Name, new Dictionary<string, double>(), [new("a")]), true, false);
        Assert.Equal(["density", "lambda"], space.CoordinateNames);
        var told = new RunMonitor("parameters", space, true).Observe(1, [], [], [density, lambda]).ToList();
        Assert.Equal(
            named.Length == 0 ? [] : [$"1 of 2 coordinates lie at their bounds: {named}."], told.Select(warning => warning.Message));
    }
}
