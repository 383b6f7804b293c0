namespace Cuvee.Merging;

/// <summary>
/// What most of several recipes are near, such as the point that a round of finite differences steps from. A sum of updates is linear in
/// its weights, so that a recipe is the centre and a sum of the few updates whose weights differ: formed once, the centre is shared.
/// </summary>
public static class RecipeCenter
{
    private const int FewestNear = 3; // the centre itself costs as much as a recipe
    private const int LeastParts = 8; // adapters a changed one; fewer are formed as fast from the base

    /// <summary>The recipe whose every share is the one that most recipes have (the first of equally many).</summary>
    /// <returns>Null where no centre pays: the recipes are few, far from each other or no sums of updates.</returns>
    public static WeightedRecipe? Of(IReadOnlyList<MergeRecipe> recipes)
    {
        ArgumentNullException.ThrowIfNull(recipes);
        if (recipes.Count < FewestNear || recipes[0] is not WeightedRecipe first) return null;
        var alike = recipes.OfType<WeightedRecipe>().Where(recipe => AreAlike(recipe, first)).ToList();
        if (alike.Count < FewestNear) return null;
        var center = first with
        {
            Adapters =
            [
                .. Enumerable.Range(0, first.Adapters.Count).Select(i =>
                    alike.Select(recipe => recipe.Adapters[i]).CountBy(share => share).MaxBy(counted => counted.Value).Key),
            ],
        };
        if (center.Adapters.All(share => share.Weight == 0 && share.GroupWeights.Count == 0)) return null;
        return alike.Count(recipe => Difference(recipe, center) is not null) < FewestNear ? null : center;
    }

    /// <summary>What the centre lacks of a recipe near it, without the shares that are the same.</summary>
    /// <returns>Null where the two differ in more than some weights.</returns>
    public static WeightedRecipe? Difference(WeightedRecipe recipe, WeightedRecipe center)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(center);
        if (!AreAlike(recipe, center)) return null;
        var changed = new List<AdapterShare>();
        foreach (var (share, own) in recipe.Adapters.Zip(center.Adapters))
        {
            if (share == own) continue;
            if (share.KeepFraction != own.KeepFraction || !share.GroupKeepFractions.Equals(own.GroupKeepFractions)
                || !share.GroupWeights.Select(value => value.Group).SequenceEqual(own.GroupWeights.Select(value => value.Group)))
                return null;
            changed.Add(share with
            {
                Weight = share.Weight - own.Weight,
                GroupWeights = [.. share.GroupWeights.Zip(
                    own.GroupWeights, (value, other) => new GroupValue(value.Group, value.Value - other.Value))],
            });
        }

        return changed.Count * LeastParts > recipe.Adapters.Count ? null : recipe with { Adapters = changed };
    }

    private static bool AreAlike(WeightedRecipe recipe, WeightedRecipe other) =>
        recipe.Space == MergeSpace.Delta && other.Space == MergeSpace.Delta && recipe.Pruned == other.Pruned
        && recipe.Adapters.Select(share => share.Name).SequenceEqual(other.Adapters.Select(share => share.Name));
}
