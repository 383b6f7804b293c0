namespace Cuvee.Merging.Tests;

public class RecipeCenterTests
{
    private static readonly double[] Start = [.. Enumerable.Range(0, 16).Select(i => 0.1 * (i - 4))];

    [Fact]
    public void Of_ProbesOfAPoint_IsThePointWhoeverIsMissing()
    {
        var probes = Enumerable.Range(0, 16).Select(Probe).ToList();
        foreach (var recipes in (IEnumerable<WeightedRecipe>[])[[Recipe(Start), .. probes], probes, probes.Take(3), probes.Skip(5)])
            Assert.Equal(RecipeKey.Of(Recipe(Start)), RecipeKey.Of(RecipeCenter.Of([.. recipes])!));
    }

    [Fact]
    public void Of_NothingShared_IsNull()
    {
        var apart = Enumerable.Range(0, 6).Select(k => Recipe([.. Start.Select((weight, i) => weight + (0.01 * k * (i + 1)))])).ToList();
        var probes = Enumerable.Range(0, 16).Select(Probe).ToList();
        Assert.Null(RecipeCenter.Of([]));
        Assert.Null(RecipeCenter.Of([.. probes.Take(2)]));
        Assert.Null(RecipeCenter.Of(apart));
        Assert.Null(RecipeCenter.Of([.. probes.Select(probe => probe with { Space = MergeSpace.Factors })])); // no sum of updates
        Assert.Null(RecipeCenter.Of([.. Start.Select((_, i) => Recipe([.. Start.Select((_, k) => k == i ? 1.0 : 0)]))])); // the base
        Assert.Null(RecipeCenter.Of(
            [.. Enumerable.Range(0, 4).Select(_ => new MethodRecipe("ties", new Dictionary<string, double>(), [new("a0")]))]));
    }

    [Fact]
    public void Difference_FewWeights_IsWhatTheyChangeBy()
    {
        var center = Recipe(Start);
        var near = Recipe([.. Start.Select((weight, i) => i is 2 or 9 ? weight + 0.25 : weight)]);
        var difference = RecipeCenter.Difference(near, center)!;
        Assert.Equal(["a2", "a9"], difference.Adapters.Select(share => share.Name));
        Assert.All(difference.Adapters, share => Assert.Equal(0.25, share.Weight, 12));
        Assert.Empty(RecipeCenter.Difference(center, center)!.Adapters);

        Assert.Null(RecipeCenter.Difference(Recipe([.. Start.Select((weight, i) => i < 3 ? weight + 0.25 : weight)]), center)); // many
        AdapterShare[] kept = [.. center.Adapters.Select((share, i) => i == 2 ? share with { KeepFraction = 0.5 } : share)];
        Assert.Null(RecipeCenter.Difference(center with { Adapters = kept }, center)); // other entries
        AdapterShare[] grouped = [center.Adapters[0] with { GroupWeights = [new("layers.0", 1)] }, .. center.Adapters.Skip(1)];
        Assert.Null(RecipeCenter.Difference(center with { Adapters = grouped }, center));
        Assert.Null(RecipeCenter.Difference(center with { Adapters = [.. center.Adapters.Skip(1)] }, center));
    }

    private static WeightedRecipe Probe(int i) => Recipe([.. Start.Select((weight, k) => k == i ? weight + 0.05 : weight)]);

    private static WeightedRecipe Recipe(double[] weights) =>
        new(MergeSpace.Delta, [.. weights.Select((weight, i) => new AdapterShare($"a{i}", weight))]);
}
