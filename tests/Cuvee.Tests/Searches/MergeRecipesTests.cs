using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Tests.Searches;

public sealed class MergeRecipesTests
{
    private static readonly string[] Names = [.. Enumerable.Range(0, 10).Select(i => $"adapter-{i}")];

    [Fact]
    public void RandomAdapters_Draws_AveragesOfDistinctAdaptersInPoolOrder()
    {
        var draws = Draw(4, 3, seed: 7);
        Assert.Equal(3, draws.Count);
        Assert.All(draws, recipe =>
        {
            Assert.Equal(MergeSpace.Factors, recipe.Space);
            var names = recipe.Adapters.Select(share => share.Name).ToList();
            Assert.Equal(4, names.Distinct().Count());
            Assert.Equal(names.Order(StringComparer.Ordinal), names);
            Assert.All(recipe.Adapters, share => Assert.Equal((0.25, 1.0), (share.Weight, share.KeepFraction)));
        });
        Assert.Equal(3, draws.Select(Key).Distinct().Count());
        Assert.Equal(draws.Select(Key), Draw(4, 3, seed: 7).Select(Key));
        Assert.NotEqual(draws.Select(Key), Draw(4, 3, seed: 8).Select(Key));
    }

    /// <summary>3,000 draws of 4 out of 10: each adapter 1,200 times, standard deviation 27.</summary>
    [Fact]
    public void RandomAdapters_ManyDraws_EveryAdapterEquallyOften()
    {
        var counts = Draw(4, 3000, seed: 1).SelectMany(recipe => recipe.Adapters).CountBy(share => share.Name).ToDictionary();
        Assert.Equal(10, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 1200 - 120, 1200 + 120));
    }

    [Fact]
    public void RandomAdapters_AllOfThem_IsTheUniformAverage() =>
        Assert.Equal(RecipeJson.Serialize(MergeRecipes.Uniform(MergeSpace.Factors, Names)), RecipeJson.Serialize(Draw(10, 1, seed: 3)[0]));

    [Theory]
    [InlineData(new[] { 1.0, 1, 1, 0, 0 }, 3)]
    [InlineData(new[] { 0.0, -2, 0.1, 0.1 }, 1)] // 4 of 4.02
    [InlineData(new[] { 1.0, -1, 0.5, 0.5 }, 3)] // 2 of 2.5 are eight tenths, 2.25 are nine
    [InlineData(new[] { 0.0, 0 }, 1)]
    public void AdaptersThatMatter_Weights_FewestThatHoldNineTenthsOfTheSquares(double[] weights, int expected) => Assert.Equal(
        expected,
        MergeRecipes.AdaptersThatMatter(
            new WeightedRecipe(MergeSpace.Delta, [.. weights.Select((weight, i) => new AdapterShare(Names[i], weight))])));

    [Fact]
    public void AdaptersThatMatter_PrunedToNothing_IsNotCounted() => Assert.Equal(1, MergeRecipes.AdaptersThatMatter(
        new WeightedRecipe(MergeSpace.Delta, [new("a", 1), new("b", 1, KeepFraction: 0)])));

    [Fact]
    public void AdaptersThatMatter_MergeMethod_AllThatItNames() => Assert.Equal(2, MergeRecipes.AdaptersThatMatter(
        new MethodRecipe("ties", new Dictionary<string, double>(), [new AdapterParameters("a"), new AdapterParameters("b")])));

    [Fact]
    public void RandomWeights_RecipeWithWeightsOfLayers_OneWeightAnAdapterAndTheSameNorm()
    {
        var recipe = new WeightedRecipe(
            MergeSpace.Delta,
            [new("a", 9) { GroupWeights = [new("layers.0", 3), new("layers.1", -4)] }, new("b", 2, 0.5)]);
        Assert.Equal([Math.Sqrt(12.5), 2], recipe.Adapters.Select(MergeRecipes.Strength));
        var drawn = MergeRecipes.RandomWeights(recipe, 2, seed: 3).Cast<WeightedRecipe>().ToList();
        Assert.All(drawn, each =>
        {
            Assert.Equal(16.5, each.Adapters.Sum(share => share.Weight * share.Weight), 1e-9);
            Assert.All(each.Adapters, share => Assert.Empty(share.GroupWeights));
            Assert.Equal([1, 0.5], each.Adapters.Select(share => share.KeepFraction));
        });
        Assert.NotEqual(drawn[0].Adapters[0].Weight, drawn[1].Adapters[0].Weight);
    }

    private static List<WeightedRecipe> Draw(int count, int draws, ulong seed) =>
        [.. MergeRecipes.RandomAdapters(MergeSpace.Factors, Names, count, draws, seed).Cast<WeightedRecipe>()];

    private static string Key(WeightedRecipe recipe) => string.Join(' ', recipe.Adapters.Select(share => share.Name));
}
