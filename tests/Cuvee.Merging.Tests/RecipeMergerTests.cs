using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Tests;

public sealed class RecipeMergerTests
{
    private const double Tolerance = 2e-6; // fp32 sums of at most a few hundred terms, relative to the largest entry

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void AddTo_ManyAdapters_EqualsDoubleTwin(MergeSpace space)
    {
        var pool = TestAdapters.Pool(9);
        var recipe = new WeightedRecipe(
            space, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.9 - (0.2 * i), 1 - (0.1 * i)))]);
        AssertEqualsTwin(pool, recipe);
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void AddTo_ZeroWeightsBetween_EqualsDoubleTwin(MergeSpace space)
    {
        var pool = TestAdapters.Pool(9);
        foreach (var keep in new[] { 1, 0.5 })
        {
            AssertEqualsTwin(pool, new WeightedRecipe(
                space, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, i % 3 == 1 ? 0 : 0.3 - (0.1 * i), keep))]));
        }
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void AddTo_AdapterPrunedToNothing_EqualsDoubleTwin(MergeSpace space)
    {
        var pool = TestAdapters.Pool(3);
        AssertEqualsTwin(pool, new WeightedRecipe(
            space, [new("adapter-000", 0.5), new("adapter-001", -0.7, 0), new("adapter-002", 0.2, 0.4)]));
    }

    [Theory]
    [InlineData(MergeSpace.Factors, PrunedFactor.LoraB)]
    [InlineData(MergeSpace.Factors, PrunedFactor.Both)]
    [InlineData(MergeSpace.Delta, PrunedFactor.LoraB)]
    [InlineData(MergeSpace.Delta, PrunedFactor.Both)]
    public void AddTo_OtherFactorPruned_EqualsDoubleTwin(MergeSpace space, PrunedFactor pruned)
    {
        var pool = TestAdapters.Pool(3);
        var recipe = new WeightedRecipe(space, [new("adapter-000", 0.5, 0.3), new("adapter-001", -0.7, 0.8), new("adapter-002", 0.2, 0)])
        {
            Pruned = pruned,
        };
        AssertEqualsTwin(pool, recipe);
        var published = recipe with { Pruned = PrunedFactor.LoraA };
        Assert.NotEqual(
            ReferenceMerge.Update(pool, published, TestAdapters.Wide), ReferenceMerge.Update(pool, recipe, TestAdapters.Wide));
    }

    [Fact]
    public void AddTo_MoreRanksThanOneChunk_EqualsDoubleTwin()
    {
        var pool = TestAdapters.Pool(40, rank: 16); // 640 ranks
        AssertEqualsTwin(pool, new WeightedRecipe(
            MergeSpace.Delta, [.. pool.Adapters.Select(
                (adapter, i) => new AdapterShare(adapter.Name, i == 20 ? 0 : 0.05 - (0.002 * i), i % 2 == 0 ? 1 : 0.6))]));
    }

    [Fact]
    public void AddTo_FactorsBesideAnAdapterOfSmallerRank_EqualsDoubleTwin()
    {
        var pool = new AdapterPool([TestAdapters.Adapter("a8", 1, rank: 8), TestAdapters.Adapter("b4", 2, rank: 4)]);
        AssertEqualsTwin(pool, new WeightedRecipe(MergeSpace.Factors, [new("a8", 0.9)]));
    }

    [Fact]
    public void AddTo_DeltaWithDifferentRanksAndModules_EqualsDoubleTwin()
    {
        var pool = new AdapterPool(
        [
            TestAdapters.Adapter("a", 1, rank: 2), TestAdapters.Adapter("b", 2, rank: 5),
            TestAdapters.Adapter("c", 3, rank: 4, shapes: [TestAdapters.Shapes[0]]),
        ]);
        AssertEqualsTwin(pool, new WeightedRecipe(MergeSpace.Delta, [new("a", 1), new("b", -0.5, 0.5), new("c", 0.25)]));
    }

    [Theory]
    [InlineData(MergeSpace.Factors, 1.0)]
    [InlineData(MergeSpace.Delta, 1.0)]
    [InlineData(MergeSpace.Factors, -0.5)]
    [InlineData(MergeSpace.Delta, -0.5)]
    public void AddTo_OneAdapter_WeightTimesDeltaOrWeightSquared(MergeSpace space, double weight)
    {
        var pool = TestAdapters.Pool(4);
        var merger = new RecipeMerger(pool);
        foreach (var module in pool.Adapters[2].Modules)
        {
            var scale = space == MergeSpace.Factors ? weight * weight : weight;
            var expected = ReferenceMerge.Update(module).Select(x => scale * x).ToArray();
            var actual = Merge(merger, new WeightedRecipe(space, [new(pool.Adapters[2].Name, weight)]), module.Name);
            Assert.InRange(ReferenceMerge.RelativeError(actual, expected), 0, Tolerance);
        }
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void AddTo_PermutedListing_SameBits(MergeSpace space)
    {
        var pool = TestAdapters.Pool(7);
        var merger = new RecipeMerger(pool);
        AdapterShare[] shares = [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.4 - (0.15 * i), 1 - (0.12 * i)))];
        AdapterShare[] permuted = [.. shares.Reverse().Skip(3), .. shares.Reverse().Take(3)];
        foreach (var name in merger.ModuleNames)
        {
            Assert.Equal(Merge(merger, new WeightedRecipe(space, shares), name), Merge(merger, new WeightedRecipe(space, permuted), name));
        }
    }

    [Fact]
    public void AddTo_NegatedWeights_SameInFactorsOppositeInDelta()
    {
        var pool = TestAdapters.Pool(5);
        var merger = new RecipeMerger(pool);
        float[] Merged(MergeSpace space, double sign) => Merge(
            merger, new WeightedRecipe(space,
                [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, sign * (0.3 + i), 0.5))]), TestAdapters.Tall);
        Assert.Equal(Merged(MergeSpace.Factors, 1), Merged(MergeSpace.Factors, -1));
        Assert.Equal(Merged(MergeSpace.Delta, 1), Merged(MergeSpace.Delta, -1).Select(x => -x));
    }

    [Fact]
    public void AddTo_NonZeroWeight_Accumulates()
    {
        var pool = TestAdapters.Pool(2);
        var merger = new RecipeMerger(pool);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new("adapter-000", 1), new("adapter-001", -2)]);
        var weight = Enumerable.Range(0, 11 * 37).Select(i => i * 0.25f).ToArray();
        var expected = ReferenceMerge.Update(pool, recipe, TestAdapters.Wide).Select((x, i) => x + (i * 0.25)).ToArray();
        merger.AddTo(recipe, TestAdapters.Wide, weight);
        Assert.InRange(ReferenceMerge.RelativeError(weight, expected), 0, Tolerance);
    }

    [Fact]
    public void AddTo_EmptyRecipe_LeavesWeight()
    {
        var merger = new RecipeMerger(TestAdapters.Pool(2));
        foreach (var space in Enum.GetValues<MergeSpace>())
        {
            Assert.All(Merge(merger, new WeightedRecipe(space, []), TestAdapters.Wide), x => Assert.Equal(0, x));
            Assert.True(merger.Resolve(new WeightedRecipe(space, [])).IsBaseModel);
        }
    }

    [Fact]
    public void AddTo_WrongLength_Throws()
    {
        var merger = new RecipeMerger(TestAdapters.Pool(1));
        var error = Assert.Throws<ArgumentException>(
            () => merger.AddTo(new WeightedRecipe(MergeSpace.Delta, []), TestAdapters.Wide, new float[5]));
        Assert.Contains("[11, 37]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_UnknownAdapter_NamesIt()
    {
        var merger = new RecipeMerger(TestAdapters.Pool(1));
        var error = Assert.Throws<ArgumentException>(() => merger.Validate(new WeightedRecipe(MergeSpace.Delta, [new("stranger", 1)])));
        Assert.Contains("'stranger'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_UnequalRanksInFactors_NamesBothAdapters()
    {
        var merger = new RecipeMerger(new AdapterPool([TestAdapters.Adapter("a", 1, rank: 2), TestAdapters.Adapter("b", 2, rank: 5)]));
        var error = Assert.Throws<ArgumentException>(
            () => merger.Validate(new WeightedRecipe(MergeSpace.Factors, [new("a", 1), new("b", 1)])));
        Assert.Contains("'a'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'b'", error.Message, StringComparison.Ordinal);
        merger.Validate(new WeightedRecipe(MergeSpace.Factors, [new("b", 1)]));
        merger.Validate(new WeightedRecipe(MergeSpace.Delta, [new("a", 1), new("b", 1)]));
    }

    [Fact]
    public void Validate_DifferentModulesInFactors_NamesModule()
    {
        PeftAdapter[] adapters = [TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2, shapes: [TestAdapters.Shapes[0]])];
        foreach (var names in new[] { ("a", "b"), ("b", "a") })
        {
            var recipe = new WeightedRecipe(MergeSpace.Factors, [new(names.Item1, 1), new(names.Item2, 1)]);
            var error = Assert.Throws<ArgumentException>(() => new RecipeMerger(new AdapterPool(adapters)).Validate(recipe));
            Assert.Contains($"'a' adapts {TestAdapters.Tall} but 'b' does not", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(1e300, 1)]
    [InlineData(1, -0.01)]
    [InlineData(1, 1.01)]
    [InlineData(1, double.NaN)]
    public void Validate_NumberOutOfRange_Throws(double weight, double keepFraction)
    {
        var merger = new RecipeMerger(TestAdapters.Pool(1));
        Assert.Throws<ArgumentException>(
            () => merger.Validate(new WeightedRecipe(MergeSpace.Delta, [new("adapter-000", weight, keepFraction)])));
    }

    private static void AssertEqualsTwin(AdapterPool pool, WeightedRecipe recipe)
    {
        var merger = new RecipeMerger(pool);
        foreach (var name in merger.ModuleNames)
        {
            Assert.InRange(
                ReferenceMerge.RelativeError(Merge(merger, recipe, name), ReferenceMerge.Update(pool, recipe, name)), 0, Tolerance);
        }
    }

    private static float[] Merge(RecipeMerger merger, WeightedRecipe recipe, string module)
    {
        var (outFeatures, inFeatures) = merger.ShapeOf(module);
        var weight = new float[outFeatures * inFeatures];
        merger.AddTo(recipe, module, weight);
        return weight;
    }
}
