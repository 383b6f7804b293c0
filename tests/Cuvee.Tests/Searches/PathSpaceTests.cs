using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Tests.Searches;

/// <summary>Genotypes of paths against the paths that they stand for by hand.</summary>
public sealed class PathSpaceTests
{
    private const int Layers = 2;

    private static readonly string[] Models = ["a", "b"];

    [Theory]
    [InlineData(PathScales.None, 8)]
    [InlineData(PathScales.Matrix, 8 + 16)]
    [InlineData(PathScales.Network, 8 + 21)]
    public void Start_AnyScales_IsTheFirstModelAsItIs(PathScales scales, int dimension)
    {
        var space = new PathSpace(Models, Layers, 2, scales);
        Assert.Equal((dimension, dimension), (space.Start.Count, space.CoordinateNames.Count));
        var path = Assert.IsType<PathRecipe>(space.Decode(space.Start));
        Assert.Equal(RecipeKey.Of(PathSpace.Plain("a", Layers)), RecipeKey.Of(path));
    }

    [Fact]
    public void Decode_Matrix_ScalesEachStepByItsPairOfLayers()
    {
        // Slots a0 a1 b0 b1 a0 a1 b0 b1; the path a0, b1, a1.
        double[] indicators = [0.1, -1, 0, 0.3, -0.2, 0.9, -1, -1];
        var scales = new double[16];
        (scales[(0 * 4) + 3], scales[(3 * 4) + 1]) = (-0.25, 0.5);
        var path = (PathRecipe)new PathSpace(Models, Layers, 2, PathScales.Matrix).Decode([.. indicators, .. scales]);
        Assert.Equal("a", path.First);
        Assert.Equal([new RecipeStep("a", 0), new RecipeStep("b", 1, 0.75), new RecipeStep("a", 1, 1.5)], path.Steps);
    }

    [Fact]
    public void Decode_Network_IsTheFormula()
    {
        var space = new PathSpace(Models, Layers, 1, PathScales.Network);
        var parameters = Enumerable.Range(0, 21).Select(i => 0.1 * (i - 9)).ToArray();
        var path = (PathRecipe)space.Decode([1, -1, -1, 1, .. parameters]); // a0, then b1 in slot 3
        var expected = 1 + parameters[20];
        for (var unit = 0; unit < 4; unit++)
        {
            var p = parameters.AsSpan(5 * unit, 5);
            expected += p[4] * Math.Tanh((p[0] * 0) + (p[1] * 0.75) + (p[2] * 0.75) + p[3]);
        }

        Assert.Equal(expected, path.Steps[1].InputScale, 1e-12);
    }

    [Fact]
    public void Decode_NoSlotOrNoScale_StillIsAPathThatFolds()
    {
        var space = new PathSpace(Models, Layers, 1, PathScales.Matrix);
        var none = (PathRecipe)space.Decode([-1, -0.5, -0.2, -0.7, .. new double[16]]);
        Assert.Equal([new RecipeStep("b", 0)], none.Steps);
        var zero = new double[16];
        (zero[(0 * 4) + 1], zero[(1 * 4) + 2]) = (-1, -0.97);
        var path = (PathRecipe)space.Decode([1, 1, 1, -1, .. zero]);
        Assert.Equal([1, PathSpace.LeastScale, PathSpace.LeastScale], path.Steps.Select(step => step.InputScale));
    }

    [Fact]
    public void Decode_MergedModelAmongTheModels_CarriesItsRecipe()
    {
        var merged = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 0.5)]);
        var space = new PathSpace([null, "a"], Layers, 1, PathScales.None, merged);
        var path = (PathRecipe)space.Decode([1, -1, -1, 1]);
        Assert.Equal((null, merged), (path.First, path.Merged));
        Assert.Equal([new RecipeStep(null, 0), new RecipeStep("a", 1)], path.Steps);
    }
}
