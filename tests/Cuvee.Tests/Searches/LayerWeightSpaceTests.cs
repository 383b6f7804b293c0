using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Tests.Searches;

public sealed class LayerWeightSpaceTests
{
    private static readonly WeightedRecipe Origin = new(
        MergeSpace.Delta, [new("a", 0.1), new("b", -0.7, 0.5), new("c", 0.2), new("d", 1.5)]);

    private readonly LayerWeightSpace space = new(Origin, ["layers.0", "layers.1", "layers.2"], 2);

    [Fact]
    public void Coordinates_TwoAdapters_ThoseOfLargestWeightLayerByLayer()
    {
        Assert.Equal(
            ["b/layers.0", "b/layers.1", "b/layers.2", "d/layers.0", "d/layers.1", "d/layers.2"], space.CoordinateNames);
        Assert.Equal([-0.7, -0.7, -0.7, 1.5, 1.5, 1.5], space.Start);
        Assert.Equal((6, -1.5, 1.5), (space.Bounds.Lower.Count, space.Bounds.Lower[5], space.Bounds.Upper[0]));
    }

    [Fact]
    public void Decode_Point_GroupWeightsOfTheChosenAndTheOthersAsTheyWere()
    {
        var recipe = (WeightedRecipe)space.Decode([1, 2, 3, 4, 5, 6]);
        Assert.Equal(Origin.Adapters[0], recipe.Adapters[0]);
        Assert.Equal(Origin.Adapters[2], recipe.Adapters[2]);
        Assert.Equal(
            Origin.Adapters[1] with { GroupWeights = [new("layers.0", 1), new("layers.1", 2), new("layers.2", 3)] }, recipe.Adapters[1]);
        Assert.Equal([4, 5, 6], recipe.Adapters[3].GroupWeights.Select(group => group.Value));
    }

    [Fact]
    public void Constructor_MoreAdaptersThanThereAre_TakesAll() =>
        Assert.Equal(4, new LayerWeightSpace(Origin, ["layers.0"], 9).CoordinateNames.Count);
}
