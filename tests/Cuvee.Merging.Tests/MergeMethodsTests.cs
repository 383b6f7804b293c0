using System.Text;
using Cuvee.Formats.Peft;
using Cuvee.Merging.Materialization;
using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Tests;

/// <summary>What every method gets: checked arguments, a seed, both passes, and a way in for methods from elsewhere.</summary>
public sealed class MergeMethodsTests
{
    [Fact]
    public void Default_Methods_OrderedDocumentedAndWithinTheirRanges()
    {
        Assert.Equal(
            ["breadcrumbs", "dare-linear", "dare-ties", "della", "emr", "linear", "slerp", "task-arithmetic", "ties", "tsv-m"],
            MergeMethods.Default.Select(method => method.Name));
        Assert.All(MergeMethods.Default, method => Assert.Contains("arXiv", method.Reference, StringComparison.Ordinal));
        foreach (var parameter in MergeMethods.Default.SelectMany(method => method.Parameters.Concat(method.AdapterParameters)))
        {
            Assert.InRange(parameter.Default, parameter.Minimum, parameter.Maximum);
            Assert.EndsWith(".", parameter.Summary, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Find_UnknownName_ListsTheKnown() => Assert.Contains(
        "linear, slerp, task-arithmetic",
            Assert.Throws<ArgumentException>(() => MergeMethods.Default.Find("x")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Constructor_RepeatedOrReservedNames_Refused()
    {
        Assert.Contains("'ties'", Refusal(new NormMatched("ties", "power")), StringComparison.Ordinal);
        Assert.Contains("'name'", Refusal(new NormMatched("norm-matched", "name")), StringComparison.Ordinal);
        Assert.Contains("NormMatched has no name", Refusal(new NormMatched(" ", "power")), StringComparison.Ordinal);
        static string Refusal(IMergeMethod method) =>
            Assert.Throws<ArgumentException>(() => MergeMethods.Default.With(method)).Message;
    }

    [Theory]
    [InlineData("ties", "gamma", 1, "weight", 1, "no parameter 'gamma' of method ties; known are density, lambda, whole_vector")]
    [InlineData("ties", "density", 1.5, "weight", 1, "'density' of method ties is 1.5; it must lie in [0, 1]")]
    [InlineData("ties", "whole_vector", 0.5, "weight", 1, "'whole_vector' of method ties is 0.5; it must be a whole number")]
    [InlineData("ties", "lambda", double.NaN, "weight", 1, "'lambda' of method ties is NaN; it must be a finite number")]
    [InlineData("ties", "lambda", 1, "weight", 11, "'weight' of adapter 'adapter-000' in method ties is 11; it must lie in [-10, 10]")]
    [InlineData("slerp", "t", 1, "weight", 1, "no parameter 'weight' of adapter 'adapter-000' in method slerp; known are none")]
    [InlineData("delle", "t", 1, "weight", 1, "'delle' is unknown")]
    [InlineData("della", "epsilon", 0.6, "weight", 1, "'epsilon' of method della is 0.6; it must lie in [0, 0.5]")]
    public void Validate_Arguments_OneSentence(
        string method, string parameter, double value, string own, double ownValue, string expected)
    {
        var recipe = new MethodRecipe(
            method, new Dictionary<string, double> { [parameter] = value },
            [new("adapter-000", new Dictionary<string, double> { [own] = ownValue })]);
        Assert.Contains(expected, Refusal(recipe), StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_Adapters_OneSentence()
    {
        var none = new Dictionary<string, double>();
        Assert.Contains("lists no adapter", Refusal(new MethodRecipe("ties", none, [])), StringComparison.Ordinal);
        Assert.Contains("'stranger'", Refusal(new MethodRecipe("ties", none, [new("stranger")])), StringComparison.Ordinal);
        Assert.Contains(
            "twice", Refusal(new MethodRecipe("ties", none, [new("adapter-000"), new("adapter-000")])), StringComparison.Ordinal);
    }

    [Fact]
    public void For_Defaults_FilledInAndReadByAdapter()
    {
        var recipe = new MethodRecipe(
            "ties", new Dictionary<string, double> { ["density"] = 0.25 },
            [new("b"), new("a", new Dictionary<string, double> { ["weight"] = -2 })]);
        var arguments = MergeArguments.For(new TiesMerge(), recipe);
        Assert.Equal((0.25, 1.0, 0.0), (arguments["density"], arguments["lambda"], arguments["whole_vector"]));
        Assert.Equal([1, -2], arguments.OfAdapters("weight"));
        Assert.Equal((2, -2.0), (arguments.Adapters, arguments[1, "weight"]));
    }

    [Fact]
    public void For_DensityOfOneAdapter_TheOthersHaveTheWholes()
    {
        var arguments = MergeArguments.For(new DareTies(), DensityRecipe("dare-ties", 0.25, 0.75));
        Assert.Equal([0.25, 0.75], arguments.OfAdapters("density"));
        Assert.Throws<ArgumentException>(() => MergeArguments.For(new DareTies(), DensityRecipe("dare-ties", 0.25, 1.5)));
    }

    /// <summary>At density 0 an adapter says nothing: what remains is the other one, at the whole's density.</summary>
    [Theory]
    [InlineData("ties")]
    [InlineData("dare-ties")]
    [InlineData("dare-linear")]
    [InlineData("della")]
    [InlineData("breadcrumbs")]
    public void Merge_DensityOfOneAdapterZero_IsTheOtherAlone(string name)
    {
        var method = MergeMethods.Default.Find(name);
        float[] a = [1, -2, 3, 0.5f, -0.25f, 6], b = [-4, 1, 1, 2, 8, -3];
        float[] Merge(double own, params float[][] vectors)
        {
            var merged = new float[6];
            var task = new TaskVectors("m", 2, 3, [.. vectors.Select(vector => (ReadOnlyMemory<float>)vector)]);
            var recipe = DensityRecipe(name, 0.5, own);
            var arguments = MergeArguments.For(method, recipe with { Adapters = [.. recipe.Adapters.Take(vectors.Length)] });
            method.Prepare([task], arguments)(task, merged);
            return merged;
        }

        Assert.Equal(Merge(0, a), Merge(0, a, b));
        Assert.NotEqual(Merge(0, a), Merge(1, a, b));
    }

    private static MethodRecipe DensityRecipe(string method, double whole, double own) => new(
        method, new Dictionary<string, double> { ["density"] = whole },
        [new("a"), new("b", new Dictionary<string, double> { ["density"] = own })]);

    [Fact]
    public void RandomFor_ModulesAndAdapters_OwnReproducibleStreams()
    {
        MergeArguments For(params string[] names) => MergeArguments.For(
            new DareLinear(),
            new MethodRecipe("dare-linear", new Dictionary<string, double>(), [.. names.Select(name => new AdapterParameters(name))], 7));
        var (arguments, permuted) = (For("x", "y"), For("y", "x"));
        Assert.Equal(arguments.RandomFor("a").NextUInt64(), arguments.RandomFor("a").NextUInt64());
        Assert.NotEqual(arguments.RandomFor("a").NextUInt64(), arguments.RandomFor("b").NextUInt64());
        Assert.NotEqual(arguments.RandomFor("a", 0).NextUInt64(), arguments.RandomFor("a", 1).NextUInt64());
        Assert.Equal(arguments.RandomFor("a", 0).NextUInt64(), permuted.RandomFor("a", 1).NextUInt64());
    }

    [Fact]
    public void Extension_ThroughMergeMethods_MeasuresEveryModuleThenMerges()
    {
        var pool = TestAdapters.Pool(3);
        var method = new NormMatched("norm-matched", "power");
        var merger = new RecipeMerger(pool, MergeMethods.Default.With(method));
        var recipe = (MethodRecipe)RecipeJson.Parse(
            Encoding.UTF8.GetBytes(
                """{"method": "norm-matched", "adapters": [{"name": "adapter-002", "power": 2}, {"name": "adapter-000"}]}"""),
            "r");
        merger.Validate(recipe);
        Assert.Empty(method.Measured); // a check costs no pass over the pool
        var resolved = merger.Resolve(recipe);
        Assert.Equal(pool.ModuleNames, method.Measured);
        Assert.False(resolved.IsBaseModel);
        double Norm(int adapter) => Math.Sqrt(pool.Adapters[adapter].Modules.Sum(module => ReferenceMerge.Update(module).Sum(x => x * x)));
        foreach (var module in pool.ModuleNames)
        {
            var (outFeatures, inFeatures) = merger.ShapeOf(module);
            var merged = new float[outFeatures * inFeatures];
            merger.AddTo(resolved, module, merged);
            var expected = ReferenceMethods.Sum(
                [.. ((int[])[2, 0]).Select(adapter =>
                    ReferenceMerge.Update(pool.Adapters[adapter].Modules.Single(part => part.Name == module)))],
                [1 / Math.Pow(Norm(2), 2), 1 / Norm(0)]);
            Assert.InRange(ReferenceMerge.RelativeError(merged, expected), 0, 2e-6);
        }

        Assert.Equal(pool.ModuleNames, method.Measured); // once, whatever the number of modules merged
        Assert.Throws<ArgumentException>(() => new RecipeMerger(pool).Validate(recipe));
    }

    [Fact]
    public void Build_MethodRecipe_ExactAtFullRankAndReducedWithItsLoss()
    {
        var pool = TestAdapters.Pool(3);
        var merger = new RecipeMerger(pool);
        var recipe = new MethodRecipe(
            "ties",
            new Dictionary<string, double> { ["density"] = 0.4 },
            [.. pool.Adapters.Select(adapter => new AdapterParameters(adapter.Name))]);
        var exact = new MergedAdapterBuilder(merger).Build(recipe, "merged");
        var reduced = new MergedAdapterBuilder(merger).Build(recipe, "merged", 4);
        Assert.Empty(exact.Reductions);
        for (var i = 0; i < pool.ModuleNames.Count; i++)
        {
            LoraModule module = exact.Adapter.Modules[i], small = reduced.Adapter.Modules[i];
            Assert.Equal((11, 4), (module.Rank, small.Rank));
            var delta = new float[module.OutFeatures * module.InFeatures];
            merger.AddTo(recipe, module.Name, delta);
            MaterializationTests.AssertUpdate(Array.ConvertAll(delta, x => (double)x), module);
            var dropped = ReferenceMerge.Update(small).Zip(delta, (x, y) => (x - y) * (x - y)).Sum();
            Assert.InRange(dropped, 1e-3, double.MaxValue);
            Assert.Equal(dropped, reduced.Reductions[i].DroppedEnergy, dropped * 1e-4);
        }
    }

    private static string Refusal(MethodRecipe recipe)
    {
        var merger = new RecipeMerger(TestAdapters.Pool(1));
        Assert.Throws<ArgumentException>(() => merger.Resolve(recipe));
        return Assert.Throws<ArgumentException>(() => merger.Validate(recipe)).Message;
    }

    /// <summary>Sum of the task vectors over a power of their norms: measured over whole vectors, one parameter per adapter.</summary>
    private sealed class NormMatched(string name, string parameter) : IMergeMethod
    {
        public List<string> Measured { get; } = [];

        public string Name => name;

        public string Reference => "this test";

        public IReadOnlyList<MergeParameter> Parameters => [];

        public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [new(parameter, 1, 0, 4, "Power of the norm.")];

        public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
        {
            var squares = new double[arguments.Adapters];
            foreach (var module in pool)
            {
                Measured.Add(module.ModuleName);
                for (var i = 0; i < squares.Length; i++)
                {
                    foreach (var x in module.Deltas[i].Span) squares[i] += (double)x * x;
                }
            }

            return (taskVectors, merged) =>
            {
                for (var j = 0; j < merged.Length; j++)
                {
                    merged[j] = (float)Enumerable.Range(0, squares.Length).Sum(
                        i => taskVectors.Deltas[i].Span[j] / Math.Pow(squares[i], arguments[i, parameter] / 2));
                }
            };
        }
    }
}
