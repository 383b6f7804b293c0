using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Tests;

public sealed class MergeMethodTests
{
    [Fact]
    public void Combine_Linear_IsMean() =>
        Assert.Equal([2, -1, 0.5f], Combine(new LinearMerge(), null, [1, -2, 0], [3, 0, 1]));

    [Fact]
    public void Combine_TaskArithmetic_IsScaledSum() => Assert.Equal(
        [2, -1, 0.5f], Combine(new TaskArithmetic(), new Dictionary<string, double> { ["lambda"] = 0.5 }, [1, -2, 0], [3, 0, 1]));

    [Fact]
    public void Merge_PoolAdapters_EqualsDeltaRecipe()
    {
        var pool = TestAdapters.Pool(4);
        var merger = new RecipeMerger(pool);
        string[] names = ["adapter-003", "adapter-001"];
        var merged = new float[11 * 37];
        new TaskVectorMerger(merger, names).Merge(new LinearMerge(), MergeArguments.For(new LinearMerge()), TestAdapters.Wide, merged);
        var recipe = new MergeRecipe(MergeSpace.Delta, [.. names.Select(name => new AdapterShare(name, 0.5))]);
        Assert.InRange(ReferenceMerge.RelativeError(merged, ReferenceMerge.Update(pool, recipe, TestAdapters.Wide)), 0, 2e-6);
    }

    [Fact]
    public void Merge_ModuleMissingInOne_CountsAsZero()
    {
        var pool = new AdapterPool([TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2, shapes: [TestAdapters.Shapes[0]])]);
        var merged = new float[37 * 11];
        var linear = new LinearMerge();
        new TaskVectorMerger(new RecipeMerger(pool), ["a", "b"]).Merge(linear, MergeArguments.For(linear), TestAdapters.Tall, merged);
        var expected = ReferenceMerge.Update(pool, new MergeRecipe(MergeSpace.Delta, [new("a", 0.5)]), TestAdapters.Tall);
        Assert.InRange(ReferenceMerge.RelativeError(merged, expected), 0, 2e-6);
    }

    [Fact]
    public void For_UndeclaredOrOutOfRange_Throws()
    {
        var method = MergeMethods.Find("task-arithmetic");
        Assert.Contains("'density'", Error(new Dictionary<string, double> { ["density"] = 1 }), StringComparison.Ordinal);
        Assert.Contains("[-10, 10]", Error(new Dictionary<string, double> { ["lambda"] = 11 }), StringComparison.Ordinal);
        Assert.Contains("'lambda'", Error(new Dictionary<string, double> { ["lambda"] = double.NaN }), StringComparison.Ordinal);
        Assert.Equal(0.3, MergeArguments.For(method)["lambda"]);
        string Error(Dictionary<string, double> values) =>
            Assert.Throws<ArgumentException>(() => MergeArguments.For(method, values)).Message;
    }

    [Fact]
    public void RandomFor_Modules_OwnReproducibleStreams()
    {
        var arguments = MergeArguments.For(new LinearMerge(), seed: 7);
        Assert.Equal(arguments.RandomFor("a").NextUInt64(), arguments.RandomFor("a").NextUInt64());
        Assert.NotEqual(arguments.RandomFor("a").NextUInt64(), arguments.RandomFor("b").NextUInt64());
    }

    [Fact]
    public void All_Methods_UniqueOrderedNamesAndReferences()
    {
        var names = MergeMethods.All.Select(method => method.Name).ToList();
        Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), names);
        Assert.All(MergeMethods.All, method => Assert.Contains("arXiv", method.Reference, StringComparison.Ordinal));
        Assert.Contains(
            "linear, task-arithmetic", Assert.Throws<ArgumentException>(() => MergeMethods.Find("x")).Message, StringComparison.Ordinal);
    }

    private static float[] Combine(IMergeMethod method, Dictionary<string, double>? values, params float[][] deltas)
    {
        var merged = new float[] { 9, 9, 9 };
        var vectors = new TaskVectors("m", 1, 3, [.. deltas.Select(delta => (ReadOnlyMemory<float>)delta)]);
        method.Combine(vectors, MergeArguments.For(method, values), merged);
        return merged;
    }
}
