using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Tests.Searches;

public sealed class PoolLayerSpaceTests
{
    private static readonly WeightedRecipe Origin = new(MergeSpace.Delta, [new("a", 0.1), new("b", -2, 0.5), new("c", 0.2)]);

    private readonly PoolLayerSpace space = new(Origin, ["layers.0", "layers.1"]);

    [Fact]
    public void Coordinates_LayerByLayer_EachWithAllAdapters()
    {
        Assert.Equal(["a/layers.0", "b/layers.0", "c/layers.0", "a/layers.1", "b/layers.1", "c/layers.1"], space.CoordinateNames);
        Assert.Equal([0.1, -1.5, 0.2, 0.1, -1.5, 0.2], space.Start);
        Assert.Equal((6, -1.5, 1.5), (space.Bounds.Dimension, space.Bounds.Lower[5], space.Bounds.Upper[0]));
    }

    [Fact]
    public void Decode_Point_ColumnsAreAdaptersAndEqualLayersOneWeight()
    {
        var recipe = (WeightedRecipe)space.Decode([1, 0.5, 0.25, 1, -0.5, 0.75]);
        Assert.Equal(MergeSpace.Delta, recipe.Space);
        Assert.Equal(new AdapterShare("a", 1), recipe.Adapters[0]);
        Assert.Equal(
            new AdapterShare("b", 0, 0.5) { GroupWeights = [new("layers.0", 0.5), new("layers.1", -0.5)] }, recipe.Adapters[1]);
        Assert.Equal(
            new AdapterShare("c", 0.5) { GroupWeights = [new("layers.0", 0.25), new("layers.1", 0.75)] }, recipe.Adapters[2]);
    }

    [Fact]
    public void Decode_OneAdapterAlone_IsTheKeyOfTheSingleAdapter() => Assert.Equal(
        RecipeKey.Of(MergeRecipes.Single(MergeSpace.Delta, "a")), RecipeKey.Of(space.Decode([1, 0, 0, 1, 0, 0])));
}
