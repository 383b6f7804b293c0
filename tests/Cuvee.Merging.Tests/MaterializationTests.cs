using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class MaterializationTests
{
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(MergeSpace.Factors, 5, 3, 3)]
    [InlineData(MergeSpace.Delta, 3, 3, 9)] // 9 ranks stack
    [InlineData(MergeSpace.Delta, 9, 3, 11)] // 27 ranks exceed min(in, out) = 11
    public void Build_Exact_EqualsDoubleTwin(MergeSpace space, int adapters, int rank, int expectedRank)
    {
        var pool = TestAdapters.Pool(adapters, rank);
        var recipe = new WeightedRecipe(
            space, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.5 - (0.2 * i), 1 - (0.1 * i)))]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged");
        Assert.Equal("merged", merged.Adapter.Name);
        var config = merged.Adapter.Config;
        Assert.Equal((expectedRank, expectedRank, false), ((int)config.LoraAlpha, config.Rank, config.UseRsLora));
        Assert.Equal("base", merged.Adapter.Config.BaseModelNameOrPath);
        Assert.Empty(merged.Reductions);
        Assert.Equal(0, merged.DroppedShare);
        Assert.Equal(2, merged.Adapter.Modules.Count);
        foreach (var module in merged.Adapter.Modules)
        {
            Assert.Equal((expectedRank, 1f), (module.Rank, module.Scaling));
            AssertUpdate(ReferenceMerge.Update(pool, recipe, module.Name), module);
        }
    }

    [Fact]
    public void Build_DifferentRanks_OnePaddedRank()
    {
        var pool = new AdapterPool(
        [
            TestAdapters.Adapter("a", 1, rank: 2), TestAdapters.Adapter("b", 2, rank: 4, shapes: [TestAdapters.Shapes[0]]),
        ]);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new("a", 0.5), new("b", -1, 0.5)]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged").Adapter;
        Assert.All(merged.Modules, module => Assert.Equal(6, module.Rank));
        Assert.All(merged.Modules, module => AssertUpdate(ReferenceMerge.Update(pool, recipe, module.Name), module));
        Assert.Single(new AdapterPool([merged]).Adapters); // the factors have the lengths that they claim
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void Build_AllWeightsZero_ZeroAdapter(MergeSpace space)
    {
        var pool = TestAdapters.Pool(2);
        var recipe = new WeightedRecipe(space, [new("adapter-000", 0)]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged").Adapter;
        Assert.Equal(2, merged.Modules.Count);
        Assert.All(merged.Modules, module => Assert.All(ReferenceMerge.Update(module), x => Assert.Equal(0, x)));
    }

    [Fact]
    public void Build_AdapterOfMergedPool_OneAdapterAtWeightOneIsIdentity()
    {
        var pool = TestAdapters.Pool(3);
        var merger = new RecipeMerger(pool);
        foreach (var space in Enum.GetValues<MergeSpace>())
        {
            var merged = new MergedAdapterBuilder(merger).Build(new WeightedRecipe(space, [new("adapter-001", 1)]), "merged").Adapter;
            Assert.Equal(
                pool.Adapters[1].Modules.Select(module => module.LoraA.ToSingles()),
                merged.Modules.Select(module => module.LoraA.ToSingles()));
            foreach (var (original, module) in pool.Adapters[1].Modules.Zip(merged.Modules))
                AssertUpdate(ReferenceMerge.Update(original), module);
        }
    }

    [Fact]
    public void Fold_BaseTensors_AddsUpdateToAdaptedOnly()
    {
        var pool = TestAdapters.Pool(3);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new("adapter-000", 1), new("adapter-002", -0.5, 0.3)]);
        (string Name, IReadOnlyList<int> Shape, StoredMatrix Values)[] tensors =
        [
            ("model.norm.weight", [4], StoredMatrix.Over(1, 4, [1, 2, 3, 4])),
            (TestAdapters.Wide + ".weight", [11, 37], StoredMatrix.Over(11, 37, [.. Enumerable.Range(0, 11 * 37).Select(i => i / 100f)])),
            (TestAdapters.Tall + ".weight", [37, 11], StoredMatrix.Over(37, 11, new float[37 * 11])),
        ];
        var before = tensors[1].Values.ToSingles();
        using var team = new ThreadTeam(2);
        var folded = FoldedCheckpoint.Fold(tensors, new RecipeMerger(pool), recipe, team);
        Assert.Equal(tensors.Select(tensor => tensor.Name), folded.Select(tensor => tensor.Name));
        Assert.Equal(tensors.Select(tensor => tensor.Shape), folded.Select(tensor => tensor.Shape));
        Assert.Equal([1, 2, 3, 4], Formed(folded[0], [1]));
        var wide = Formed(folded[1], [11]);
        Assert.Equal(before, tensors[1].Values.ToSingles());
        Assert.Equal(wide, Formed(folded[1], [1, 7, 3])); // in pieces, and after another tensor
        var tall = Formed(folded[2], [20, 17]);
        Assert.Equal(wide, Formed(folded[1], [4, 7]));
        var expected = ReferenceMerge.Update(pool, recipe, TestAdapters.Wide).Select((x, i) => x + before[i]).ToArray();
        Assert.InRange(ReferenceMerge.RelativeError(wide, expected), 0, Tolerance);
        Assert.InRange(ReferenceMerge.RelativeError(tall, ReferenceMerge.Update(pool, recipe, TestAdapters.Tall)), 0, Tolerance);
    }

    [Fact]
    public void Fold_Stopped_FormsNoMoreRows()
    {
        using var stop = new CancellationTokenSource();
        using var team = new ThreadTeam(1);
        var folded = FoldedCheckpoint.Fold(
            [
                (TestAdapters.Wide + ".weight", [11, 37], StoredMatrix.Over(11, 37, new float[11 * 37])),
                (TestAdapters.Tall + ".weight", [37, 11], StoredMatrix.Over(37, 11, new float[37 * 11])),
            ],
            new RecipeMerger(TestAdapters.Pool(1)), new WeightedRecipe(MergeSpace.Delta, [new("adapter-000", 1)]), team, stop.Token);
        Formed(folded[0], [11]);
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => Formed(folded[1], [37]));
    }

    [Fact]
    public void Fold_ForeignBase_NamesModule()
    {
        var merger = new RecipeMerger(TestAdapters.Pool(1));
        var recipe = new WeightedRecipe(MergeSpace.Delta, []);
        using var team = new ThreadTeam(1);
        var missing = Assert.Throws<ArgumentException>(() => FoldedCheckpoint.Fold([], merger, recipe, team));
        Assert.Contains(TestAdapters.Wide, missing.Message, StringComparison.Ordinal);
        var wrong = Assert.Throws<ArgumentException>(
            () => FoldedCheckpoint.Fold(
                [(TestAdapters.Wide + ".weight", [37, 11], StoredMatrix.Over(37, 11, new float[37 * 11]))], merger, recipe, team));
        Assert.Contains("[11, 37] in the pool but [37, 11]", wrong.Message, StringComparison.Ordinal);
    }

    /// <summary>All rows, formed so many at a time.</summary>
    private static float[] Formed(TensorSource tensor, int[] counts)
    {
        var columns = tensor.Shape[^1];
        var values = new float[counts.Sum() * columns];
        var row = 0;
        foreach (var count in counts)
        {
            tensor.Fill(row, values.AsMemory(row * columns, count * columns));
            row += count;
        }

        return values;
    }

    internal static void AssertUpdate(double[] expected, LoraModule module) =>
        Assert.InRange(ReferenceMerge.RelativeError([.. ReferenceMerge.Update(module).Select(x => (float)x)], expected), 0, Tolerance);
}
