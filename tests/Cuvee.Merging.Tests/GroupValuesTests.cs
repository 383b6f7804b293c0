namespace Cuvee.Merging.Tests;

public sealed class GroupValuesTests
{
    private static readonly (string Name, int OutFeatures, int InFeatures)[] Shapes =
    [
        ("model.layers.0.self_attn.q_proj", 7, 5), ("model.layers.0.mlp.up_proj", 5, 7),
        ("model.layers.1.self_attn.q_proj", 7, 5), ("model.layers.1.mlp.up_proj", 5, 7),
        ("model.layers.10.self_attn.q_proj", 7, 5),
    ];

    // Listed so that a first or a last match would be wrong: module before layer before kind before default.
    private static readonly GroupValues Groups =
        [new("layers.1", 3), new("model.layers.1.mlp.up_proj", 4), new("q_proj", 2), new("up_proj", 5)];

    private static readonly (string Module, double Expected)[] Precedence =
    [
        ("model.layers.0.self_attn.q_proj", 2), ("model.layers.0.mlp.up_proj", 5), ("model.layers.1.self_attn.q_proj", 3),
        ("model.layers.1.mlp.up_proj", 4), ("model.layers.10.self_attn.q_proj", 2),
    ];

    private static AdapterPool Pool { get; } = new(
        [.. ((string[])["a", "b", "c"]).Select((name, i) => TestAdapters.Adapter(name, (ulong)i + 20, rank: 2, shapes: Shapes))]);

    [Fact]
    public void AddTo_Groups_ModuleBeforeLayerBeforeKindBeforeDefault()
    {
        var merger = new RecipeMerger(Pool);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 9) { GroupWeights = Groups }]);
        foreach (var (module, weight) in Precedence)
            AssertSame(merger, recipe, new WeightedRecipe(MergeSpace.Delta, [new("a", weight)]), module);
        var rest = recipe with { Adapters = [new AdapterShare("a", 9) { GroupWeights = [new("layers.1", 3)] }] };
        AssertSame(merger, rest, new WeightedRecipe(MergeSpace.Delta, [new("a", 9)]), "model.layers.10.self_attn.q_proj");
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void AddTo_WeightsAndKeepFractionsPerGroup_EqualsPlainRecipePerModule(MergeSpace space)
    {
        var merger = new RecipeMerger(Pool);
        var keeps = new GroupValues(Groups.Select(group => group with { Value = group.Value / 10 }));
        var recipe = new WeightedRecipe(
            space,
            [
                new AdapterShare("c", 1, 0.7),
                new AdapterShare("a", 0.5) { GroupWeights = Groups, GroupKeepFractions = [new("layers.0", 0)] },
                new AdapterShare("b", -1, 0.9) { GroupKeepFractions = keeps },
            ]);
        foreach (var (module, value) in Precedence)
        {
            var keepOfA = module.StartsWith("model.layers.0.", StringComparison.Ordinal) ? 0 : 1;
            AssertSame(
                merger, recipe,
                new WeightedRecipe(space, [new("c", 1, 0.7), new("a", value, keepOfA), new("b", -1, value / 10)]), module);
        }
    }

    [Fact]
    public void Build_Groups_AdapterEqualsDoubleTwinPerModule()
    {
        var recipe = new WeightedRecipe(
            MergeSpace.Delta, [new AdapterShare("a", 0.5) { GroupWeights = [.. Groups, new("layers.10", 0)] }, new("b", 1, 0.5)]);
        var merged = new Materialization.MergedAdapterBuilder(new RecipeMerger(Pool)).Build(recipe, "merged").Adapter;
        Assert.Equal(Shapes.Length, merged.Modules.Count);
        foreach (var (module, value) in Precedence)
        {
            var weight = module.Contains(".10.", StringComparison.Ordinal) ? 0 : value;
            var plain = new WeightedRecipe(MergeSpace.Delta, [new("a", weight), new("b", 1, 0.5)]);
            MaterializationTests.AssertUpdate(
                ReferenceMerge.Update(Pool, plain, module), merged.Modules.Single(candidate => candidate.Name == module));
        }
    }

    [Fact]
    public void IsBaseModel_ZeroDefaultOneGroup_IsNot()
    {
        var merger = new RecipeMerger(Pool);
        bool IsBaseModel(double weight) => merger.Resolve(new WeightedRecipe(
            MergeSpace.Delta, [new AdapterShare("a", 0) { GroupWeights = [new("layers.1", weight)] }])).IsBaseModel;
        Assert.False(IsBaseModel(0.5));
        Assert.True(IsBaseModel(0));
    }

    [Theory]
    [InlineData("layers.2")]
    [InlineData("layer.1")]
    [InlineData("k_proj")]
    [InlineData("model.layers.1")]
    [InlineData("self_attn.q_proj")]
    public void Validate_GroupOfNoModule_NamesIt(string group)
    {
        var merger = new RecipeMerger(Pool);
        foreach (var share in (AdapterShare[])
            [new("a", 1) { GroupWeights = [new(group, 1)] }, new("a", 1) { GroupKeepFractions = [new("q_proj", 1), new(group, 1)] }])
        {
            var error = Assert.Throws<ArgumentException>(() => merger.Validate(new WeightedRecipe(MergeSpace.Delta, [share])));
            Assert.Contains($"'{group}', which matches no module of the pool", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Equals_SameValuesInAnotherOrder_EqualShares()
    {
        var one = new AdapterShare("a", 1) { GroupWeights = [new("x", 1), new("y", 2)] };
        var other = new AdapterShare("a", 1) { GroupWeights = [new("y", 2), new("x", 1)] };
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.NotEqual(one, one with { GroupWeights = [new("x", 1), new("y", 3)] });
        Assert.NotEqual(one, one with { GroupWeights = GroupValues.None });
    }

    private static void AssertSame(RecipeMerger merger, WeightedRecipe recipe, WeightedRecipe plain, string module)
    {
        var (actual, expected) = (new float[35], new float[35]);
        merger.AddTo(recipe, module, actual);
        merger.AddTo(plain, module, expected);
        Assert.Contains(expected, x => x != 0);
        Assert.Equal(expected, actual);
    }
}
