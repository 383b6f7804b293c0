using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class MergeMethodTests
{
    private const double Tolerance = 2e-6; // fp32 results, relative to the largest entry

    private static readonly string[] Names = ["adapter-003", "adapter-000", "adapter-002"]; // not in pool order
    private static readonly double[] Weights = [1, -0.5, 2];

    [Fact]
    public void Linear_Pool_EqualsDoubleTwin()
    {
        AssertTwin(
            Recipe("linear"), vectors => ReferenceMethods.Sum(vectors, [.. Weights.Select(weight => weight / Weights.Sum())]));
        AssertTwin(Recipe("linear", ("normalize", 0)), vectors => ReferenceMethods.Sum(vectors, Weights));
    }

    [Fact]
    public void Linear_WeightsThatCancel_UsedAsTheyAre() => Assert.Equal(
        [-2, -2, -1], Combine(new LinearMerge(), [], [1, -1], [1, -2, 0], [3, 0, 1]));

    [Fact]
    public void TaskArithmetic_Pool_EqualsDoubleTwin() => AssertTwin(
        Recipe("task-arithmetic", ("lambda", 0.3)),
        vectors => ReferenceMethods.Sum(vectors, [.. Weights.Select(weight => 0.3 * weight)]));

    [Fact]
    public void Ties_PerTensor_EqualsDoubleTwin() => AssertTwin(
        Recipe("ties", ("density", 0.35), ("lambda", 0.7)),
        vectors => ReferenceMethods.Elect([.. vectors.Select(vector => ReferenceMethods.Trim(vector, 0.35))], Weights, 0.7));

    [Fact]
    public void Ties_WholeVector_EqualsDoubleTwin()
    {
        var pool = TestAdapters.Pool(4);
        double[][] whole = [.. Names.Select(name => pool.ModuleNames.SelectMany(module => Vector(pool, name, module)).ToArray())];
        AssertTwin(
            Recipe("ties", ("density", 0.35), ("whole_vector", 1)),
            vectors => ReferenceMethods.Elect(
                [.. vectors.Select((vector, i) => ReferenceMethods.Trim(vector, 0.35, whole[i]))], Weights, 1));
    }

    // Trimmed to 3 of 5: a = [4, -3, 0, 2, 0], b = [0, 5, 0, -6, 1], c = [-8, 0, 7, -1, 0].
    // Sums: -4, 2, 7, -5, 1. Agreeing: c | b | c | b and c | b.
    [Fact]
    public void Ties_GoldenNumbers() => Assert.Equal(
        [-8, 5, 7, -3.5f, 1],
        Combine(
            new TiesMerge(), new() { ["density"] = 0.6 }, [1, 1, 1],
            [4, -3, 0.5f, 2, -1], [0.25f, 5, -0.5f, -6, 1], [-8, 0.125f, 7, -1, 0.25f]));

    // The same with weights 2, 1, 1: sums 0, -1, 7, -3, 1. Nobody wins the first entry; a alone agrees in the second.
    [Fact]
    public void Ties_GoldenNumbersWithWeights() => Assert.Equal(
        [0, -3, 7, -3.5f, 1],
        Combine(
            new TiesMerge(), new() { ["density"] = 0.6 }, [2, 1, 1],
            [4, -3, 0.5f, 2, -1], [0.25f, 5, -0.5f, -6, 1], [-8, 0.125f, 7, -1, 0.25f]));

    // Weighted mean of those that agree: (2 * 1 + 1 * 4) / 3, and a negative weight turns its vector round.
    [Fact]
    public void Ties_UnequalWeights_WeightedMean() => Assert.Equal(
        [2, 1], Combine(new TiesMerge(), new() { ["lambda"] = 1 }, [2, -1], [1, 1], [-4, 1]));

    [Fact]
    public void Ties_WholeVectorAndPerTensor_DifferWhereOneTensorIsLarge()
    {
        var (small, large) = (TestAdapters.Shapes[0], TestAdapters.Shapes[1]);
        var adapter = TestAdapters.Adapter("a", 1);
        adapter = adapter with
        {
            Modules = [.. adapter.Modules.Select(module =>
                module.Name == large.Name ? module with { LoraB = Scaled(module.LoraB, 1e4f) } : module)],
        };
        var merger = new RecipeMerger(new AdapterPool([adapter]));
        MethodRecipe Ties(double whole) => new(
            "ties", new Dictionary<string, double> { ["density"] = 0.5, ["whole_vector"] = whole }, [new AdapterParameters("a")]);
        int Kept(double whole, string module) => Merge(merger, Ties(whole), module).Count(x => x != 0);
        Assert.Equal((204, 204), (Kept(0, small.Name), Kept(0, large.Name))); // 203.5 rounds to even
        Assert.InRange(Kept(1, small.Name), 0, 20);
        Assert.Equal(407, Kept(1, small.Name) + Kept(1, large.Name));
    }

    [Fact]
    public void DareLinear_Pool_EqualsTwinOfItsMask()
    {
        // The mask is whatever is not zero; what is left must be the entry divided by the density, weighted.
        var pool = TestAdapters.Pool(4);
        var merger = new RecipeMerger(pool);
        var recipe = new MethodRecipe(
            "dare-linear", Values(("density", 0.4), ("lambda", 0.5)), [new("adapter-001", Values(("weight", -3)))], Seed: 5);
        var original = Vector(pool, "adapter-001", TestAdapters.Wide);
        var merged = Merge(merger, recipe, TestAdapters.Wide);
        var masked = original.Zip(merged, (x, kept) => kept == 0 ? 0 : -3 * 0.5 * x / 0.4).ToArray();
        Assert.InRange(ReferenceMerge.RelativeError(merged, masked), 0, Tolerance);
        Assert.InRange(merged.Count(x => x != 0), 407 * 0.3, 407 * 0.5);
    }

    [Fact]
    public void DareTies_Pool_EqualsElectionOfTheSameDrops()
    {
        var pool = TestAdapters.Pool(4);
        var merger = new RecipeMerger(pool);
        var recipe = Recipe("dare-ties", ("density", 0.5), ("lambda", 0.8)) with { Seed = 9 };
        foreach (var module in pool.ModuleNames)
        {
            double[][] dropped = [.. Names.Select(name => Array.ConvertAll(
                Merge(merger, recipe with { Adapters = [new(name)], Parameters = Values(("density", 0.5)) }, module), x => (double)x))];
            Assert.All(dropped, vector => Assert.InRange(vector.Count(x => x != 0), 407 * 0.4, 407 * 0.6));
            var expected = ReferenceMethods.Elect(dropped, Weights, 0.8);
            Assert.InRange(ReferenceMerge.RelativeError(Merge(merger, recipe, module), expected), 0, Tolerance);
        }
    }

    [Theory]
    [InlineData("dare-linear", 0.2)]
    [InlineData("dare-linear", 0.9)]
    [InlineData("dare-ties", 0.5)]
    public void Dare_ManyEntries_KeepsExpectedFractionAndMean(string name, double density)
    {
        const int Count = 40_000;
        var ones = new float[Count];
        Array.Fill(ones, 1);
        var merged = Combine(MergeMethods.Default.Find(name), new() { ["density"] = density }, [1], ones);
        var deviation = Math.Sqrt(density * (1 - density) * Count);
        Assert.InRange(merged.Count(x => x != 0), (Count * density) - (4 * deviation), (Count * density) + (4 * deviation));
        Assert.All(merged, x => Assert.True(x == 0 || x == (float)(1 / density)));
    }

    [Theory]
    [InlineData("dare-linear")]
    [InlineData("dare-ties")]
    [InlineData("della")]
    public void DareAndDella_Seed_DecidesTheDraw(string name)
    {
        var merger = new RecipeMerger(TestAdapters.Pool(4));
        var recipe = Recipe(name, ("density", 0.5)) with { Seed = 1 };
        Assert.Equal(Merge(merger, recipe, TestAdapters.Wide), Merge(merger, recipe, TestAdapters.Wide));
        Assert.NotEqual(Merge(merger, recipe, TestAdapters.Wide), Merge(merger, recipe with { Seed = 2 }, TestAdapters.Wide));
    }

    [Fact]
    public void Slerp_TwoAndThree_EqualsDoubleTwin()
    {
        AssertTwin(
            Unweighted("slerp", Names[..2], ("t", 0.3)), vectors => ReferenceMethods.Slerp(vectors[0], vectors[1], 0.3));
        AssertTwin(
            Unweighted("slerp", Names, ("t", 0.3)),
            vectors => ReferenceMethods.Slerp(ReferenceMethods.Slerp(vectors[0], vectors[1], 0.3), vectors[2], 0.3));
    }

    [Fact]
    public void Slerp_RightAngleParallelAndZero()
    {
        var half = (float)(1 / Math.Sqrt(2)); // sin 45 degrees / sin 90 degrees
        Assert.Equal([2 * half, 2 * half], Slerp([2, 0], [0, 2]), (x, y) => Math.Abs(x - y) < 1e-6f);
        Assert.Equal([2, 4], Slerp([1, 2], [3, 6]));
        Assert.Equal([0.5f, 1], Slerp([1, 2], [0, 0]));
        float[] Slerp(float[] x, float[] y) => Combine(new SlerpMerge(), [], null, x, y);
    }

    [Fact]
    public void AnyMethod_OneAdapterAtWeightOneAndDensityOne_IsIdentity()
    {
        var pool = TestAdapters.Pool(3);
        var merger = new RecipeMerger(pool);
        foreach (var method in MergeMethods.Default)
        {
            var recipe = new MethodRecipe(method.Name, Values(), [new("adapter-001")]);
            foreach (var module in pool.ModuleNames)
            {
                Assert.InRange(
                    ReferenceMerge.RelativeError(Merge(merger, recipe, module), Vector(pool, "adapter-001", module)), 0, Tolerance);
            }
        }
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("task-arithmetic")]
    [InlineData("ties")]
    [InlineData("dare-linear")]
    [InlineData("dare-ties")]
    [InlineData("della")]
    [InlineData("breadcrumbs")]
    [InlineData("emr")]
    [InlineData("tsv-m")]
    public void SumsAndElections_PermutedListing_SameResult(string name)
    {
        var merger = new RecipeMerger(TestAdapters.Pool(4));
        var method = merger.Methods.Find(name);
        var recipe = method.Parameters.Any(parameter => parameter.Name == "density") ? Recipe(name, ("density", 0.5)) : Recipe(name);
        var permuted = recipe with { Adapters = [.. recipe.Adapters.Reverse()] };
        Assert.InRange(
            ReferenceMerge.RelativeError(
                Merge(merger, permuted, TestAdapters.Wide),
                Array.ConvertAll(Merge(merger, recipe, TestAdapters.Wide), x => (double)x)),
            0, Tolerance);
    }

    [Fact]
    public void Slerp_PermutedListing_Differs()
    {
        var merger = new RecipeMerger(TestAdapters.Pool(4));
        float[] Merged(string[] names) => Merge(merger, Unweighted("slerp", names, ("t", 0.3)), TestAdapters.Wide);
        Assert.NotEqual(Merged(Names), Merged([.. Names.Reverse()]));
    }

    [Fact]
    public void Merge_ModuleMissingInOne_CountsAsZero()
    {
        var pool = new AdapterPool([TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2, shapes: [TestAdapters.Shapes[0]])]);
        var merged = Merge(new RecipeMerger(pool), new MethodRecipe("linear", Values(), [new("a"), new("b")]), TestAdapters.Tall);
        var expected = ReferenceMerge.Update(pool, new WeightedRecipe(MergeSpace.Delta, [new("a", 0.5)]), TestAdapters.Tall);
        Assert.InRange(ReferenceMerge.RelativeError(merged, expected), 0, Tolerance);
    }

    private static MethodRecipe Recipe(string method, params (string Name, double Value)[] parameters) => new(
        method, Values(parameters), [.. Names.Zip(Weights, (name, weight) => new AdapterParameters(name, Values(("weight", weight))))]);

    private static MethodRecipe Unweighted(string method, string[] names, params (string Name, double Value)[] parameters) =>
        new(method, Values(parameters), [.. names.Select(name => new AdapterParameters(name))]);

    private static Dictionary<string, double> Values(params (string Name, double Value)[] values) =>
        values.ToDictionary(value => value.Name, value => value.Value);

    private static double[] Vector(AdapterPool pool, string adapter, string module) =>
        ReferenceMerge.Update(pool.Adapters.Single(candidate => candidate.Name == adapter).Modules.Single(part => part.Name == module));

    private static void AssertTwin(MethodRecipe recipe, Func<double[][], double[]> twin)
    {
        var pool = TestAdapters.Pool(4);
        var merger = new RecipeMerger(pool);
        foreach (var module in pool.ModuleNames)
        {
            var expected = twin([.. recipe.Adapters.Select(adapter => Vector(pool, adapter.Name, module))]);
            Assert.InRange(ReferenceMerge.RelativeError(Merge(merger, recipe, module), expected), 0, Tolerance);
        }
    }

    private static float[] Merge(RecipeMerger merger, MergeRecipe recipe, string module)
    {
        var (outFeatures, inFeatures) = merger.ShapeOf(module);
        var weight = new float[outFeatures * inFeatures];
        merger.AddTo(recipe, module, weight);
        return weight;
    }

    // One module of one row, straight through the method.
    private static float[] Combine(IMergeMethod method, Dictionary<string, double> values, double[]? weights, params float[][] deltas)
    {
        var vectors = new TaskVectors("m", 1, deltas[0].Length, [.. deltas.Select(delta => (ReadOnlyMemory<float>)delta)]);
        var recipe = new MethodRecipe(
            method.Name, values,
            [.. deltas.Select((_, i) => new AdapterParameters($"a{i}", weights is null ? Values() : Values(("weight", weights[i]))))]);
        var merged = new float[deltas[0].Length];
        Array.Fill(merged, 9);
        method.Prepare([vectors], MergeArguments.For(method, recipe))(vectors, merged);
        return merged;
    }

    private static StoredMatrix Scaled(StoredMatrix values, float factor) =>
        StoredMatrix.Over(values.Rows, values.Columns, Array.ConvertAll(values.ToSingles(), x => factor * x));
}
