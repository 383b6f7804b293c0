using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Merging;
using Cuvee.Merging.Methods;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Extensions;

/// <summary>CONTRIBUTING, "How to add a merge method": one object, one registration, searched and written like any other.</summary>
public sealed class MergeMethodExtensionTests : IDisposable
{
    private static readonly Catalog Extended = Catalog.Default with { Methods = MergeMethods.Default.With(new RmsBalanced()) };

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Run_MethodOfTheTestProject_IsSearchedScoredAndWritten()
    {
        var configuration = zoo.Configure(
            "search: merge-method\nfallback: none\nsettings: { method: rms-balanced, coordinates: [parameters, weights] }\n" +
                "budget: { queries: 1200 }\noutput: { dtype: f32 }", catalog: Extended);
        var plan = Assert.Single(RunPlanner.Plan(configuration));
        Assert.Equal("rms-balanced (parameters and weights by CMA-ES)", plan.Title);
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        Assert.True(result.ValidationLoss < result.StartLoss);

        // The dense result is an adapter that scores like the recipe, and the recipe reads back under the same catalog.
        Assert.Equal(result.Written!.ExactLoss, result.Written.ValidationLoss!.Value, 0.005 * result.Written.ExactLoss);
        Assert.NotEmpty(PeftReader.Read(result.Out).Modules);
        var recipe = Assert.IsType<MethodRecipe>(RecipeJson.Read(Path.Combine(result.Out, RunWriter.RecipeFileName)));
        Assert.Equal("rms-balanced", recipe.Method);
        Assert.InRange(recipe.Parameters["scale"], 0, 2);
    }

    [Fact]
    public void Load_MethodThatIsNotRegistered_IsRefusedWithTheChoices()
    {
        var error = Assert.Throws<BadInputException>(
            () => zoo.Configure("search: merge-method\nsettings: { method: rms-balanced }"));
        Assert.Contains("choose breadcrumbs, dare-linear, dare-ties, della, emr, linear", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Task vectors are brought to one root mean square over the whole vector, then summed: a method that must measure
    /// first.</summary>
    private sealed class RmsBalanced : IMergeMethod
    {
        public string Name => "rms-balanced";

        public string Reference => "the test project's own";

        public IReadOnlyList<MergeParameter> Parameters { get; } = [new("scale", 1, 0, 2, "Scale of the sum.")];

        public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [new("weight", 1, -2, 2, "Weight of the adapter.")];

        public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
        {
            double[]? squares = null;
            long count = 0;
            foreach (var module in pool)
            {
                squares ??= new double[module.Deltas.Count];
                count += module.OutFeatures * module.InFeatures;
                for (var i = 0; i < squares.Length; i++)
                    foreach (var value in module.Deltas[i].Span) squares[i] += value * value;
            }

            var weights = arguments.OfAdapters("weight");
            var scale = arguments["scale"] / weights.Length;
            var factors = squares!.Select((square, i) => (float)(scale * weights[i] * 0.3 / Math.Sqrt(square / count))).ToArray();
            return (module, merged) =>
            {
                merged.Clear();
                for (var i = 0; i < factors.Length; i++)
                    for (var j = 0; j < merged.Length; j++) merged[j] += factors[i] * module.Deltas[i].Span[j];
            };
        }
    }
}
