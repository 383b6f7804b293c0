using Cuvee.Numerics;

namespace Cuvee.Searches;

/// <summary>Recipes that need no search.</summary>
public static class MergeRecipes
{
    public static WeightedRecipe BaseModel(MergeSpace space) => new(space, []);

    /// <summary>Every adapter at weight 1/N, everything kept: where Evo-Merging starts.</summary>
    public static WeightedRecipe Uniform(MergeSpace space, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return Equal(space, names, 1.0 / names.Count);
    }

    /// <summary>Every adapter at <paramref name="weight"/>, everything kept; 0 is the base model with a place for each adapter.</summary>
    public static WeightedRecipe Equal(MergeSpace space, IReadOnlyList<string> names, double weight)
    {
        ArgumentNullException.ThrowIfNull(names);
        return new WeightedRecipe(space, [.. names.Select(name => new AdapterShare(name, weight))]);
    }

    public static WeightedRecipe Single(MergeSpace space, string name) => new(space, [new AdapterShare(name, 1)]);

    /// <summary>Gaussian weights scaled to the Euclidean norm of <paramref name="recipe"/>'s, keep fractions left as they are: the
    /// control that says whether
    /// the directions found matter, or only their length.</summary>
    public static IReadOnlyList<MergeRecipe> RandomWeights(WeightedRecipe recipe, int draws, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var norm = Math.Sqrt(recipe.Adapters.Sum(share => share.Weight * share.Weight));
        return [.. Enumerable.Range(0, draws).Select(draw =>
        {
            var random = SeededRandom.Derive(seed, $"random-weights/{draw}");
            var direction = recipe.Adapters.Select(_ => random.NextGaussian()).ToArray();
            var scale = norm / Math.Sqrt(direction.Sum(value => value * value));
            return recipe with { Adapters = [.. recipe.Adapters.Select((share, i) => share with { Weight = scale * direction[i] })] };
        })];
    }
}
