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

    /// <summary>
    /// The plain average, weights 1/<paramref name="count"/>, of adapters drawn without replacement: the control that says whether it
    /// matters which adapters were chosen and how they were weighed, or only that some were merged.
    /// </summary>
    /// <param name="count">At least 1, at most all.</param>
    public static IReadOnlyList<MergeRecipe> RandomAdapters(
        MergeSpace space, IReadOnlyList<string> names, int count, int draws, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, names.Count);
        return [.. Enumerable.Range(0, draws).Select(draw =>
        {
            var order = Enumerable.Range(0, names.Count).ToArray();
            SeededRandom.Derive(seed, $"random-adapters/{draw}").Shuffle<int>(order);
            return Uniform(space, [.. order.Take(count).Order().Select(position => names[position])]);
        })];
    }

    /// <summary>
    /// How many adapters a recipe rests on, at least 1: the fewest that hold nine tenths of its squared weights; for a merge method all
    /// that it names, for a path the models that it goes through.
    /// </summary>
    public static int AdaptersThatMatter(MergeRecipe recipe)
    {
        if (recipe is PathRecipe path)
        {
            var merged = path.Merged is null ? 0 : AdaptersThatMatter(path.Merged);
            return Math.Max(merged, path.Steps.Select(step => step.Model).OfType<string>().Distinct().Count());
        }

        if (recipe is not WeightedRecipe weighted) return ((MethodRecipe)recipe).Adapters.Count;
        var squares = weighted.Adapters.Where(share => share.KeepFraction > 0 || share.GroupKeepFractions.Count > 0)
            .Select(SquaredStrength).OrderDescending().ToList();
        var (wanted, held, count) = (0.9 * squares.Sum(), 0.0, 0);
        while (count < squares.Count && held < wanted) held += squares[count++];
        return Math.Max(1, count);
    }

    /// <summary>An adapter's absolute weight, or the root mean square of its groups' weights.</summary>
    public static double Strength(AdapterShare share) => Math.Sqrt(SquaredStrength(share));

    /// <summary>
    /// Gaussian weights, one an adapter, scaled to the Euclidean norm of <paramref name="recipe"/>'s (<see cref="Strength"/>), keep
    /// fractions left as they are: the control that says whether the directions found matter, or only their length.
    /// </summary>
    public static IReadOnlyList<MergeRecipe> RandomWeights(WeightedRecipe recipe, int draws, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var norm = Math.Sqrt(recipe.Adapters.Sum(SquaredStrength));
        return [.. Enumerable.Range(0, draws).Select(draw =>
        {
            var random = SeededRandom.Derive(seed, $"random-weights/{draw}");
            var direction = recipe.Adapters.Select(_ => random.NextGaussian()).ToArray();
            var scale = norm / Math.Sqrt(direction.Sum(value => value * value));
            return recipe with
            {
                Adapters =
                [
                    .. recipe.Adapters.Select((share, i) => share with
                    {
                        Weight = scale * direction[i],
                        GroupWeights = GroupValues.None,
                    }),
                ],
            };
        })];
    }

    private static double SquaredStrength(AdapterShare share) => share.GroupWeights.Count == 0
        ? share.Weight * share.Weight
        : share.GroupWeights.Average(group => group.Value * group.Value);
}
