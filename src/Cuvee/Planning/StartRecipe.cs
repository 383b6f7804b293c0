using System.Globalization;
using Cuvee.Formats;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Planning;

/// <summary>The recipe of an earlier search as the point that another one begins with (<c>start</c> of the run file).</summary>
internal static class StartRecipe
{
    /// <param name="start">A recipe, or the folder of the run that wrote it.</param>
    public static string FileOf(string start) => Directory.Exists(start) ? Path.Combine(start, RunWriter.RecipeFileName) : start;

    /// <param name="path">recipe.json.</param>
    /// <param name="names">The pool's, in the order of coordinates; those that the recipe does not name begin with weight 0.</param>
    /// <param name="capabilities">The provider's: its layers, and the keep fractions that can be realised.</param>
    /// <returns>A share for every adapter of the pool, one weight each, and what was changed, one sentence each.</returns>
    /// <exception cref="BadInputException">No recipe of weights, of another space, of an adapter that the pool lacks, with a weight beyond
    /// the search's, or with a keep fraction that the provider lacks.</exception>
    public static (WeightedRecipe Recipe, IReadOnlyList<string> Notes) Read(
        string path, SearchSettings search, IReadOnlyList<string> names, ProviderCapabilities capabilities)
    {
        if (RecipeJson.Read(path) is not WeightedRecipe recipe)
            throw new BadInputException($"{path}: holds no weights of adapters, which a search can begin with; leave 'start' out.");
        if (recipe.Space != search.Space)
        {
            var space = recipe.Space.ToString().ToLowerInvariant();
            throw new BadInputException(
                $"{path}: is a recipe in space '{space}', and the search runs in '{search.SpaceName}'; set space: {space}.");
        }

        var used = recipe.Adapters.Where(share => MergeRecipes.Strength(share) > 0).ToList();
        if (used.FirstOrDefault(share => !names.Contains(share.Name)) is { } missing)
        {
            throw new BadInputException(
                $"{path}: names adapter '{missing.Name}', which the pool lacks; add it to the pool, or take it out of the recipe.");
        }

        if (capabilities.KeepFractions is { } keepFractions && used.FirstOrDefault(
            share => share.GroupKeepFractions.Count > 0 || !keepFractions.Contains(share.KeepFraction)) is { } pruned)
        {
            throw new BadInputException(
                $"{path}: keeps a part of adapter '{pruned.Name}' that the provider has no file of; it has " +
                $"{string.Join(", ", keepFractions)}.");
        }

        var shares = recipe.Adapters.ToDictionary(share => share.Name, share => OneWeight(share, capabilities.Layers ?? []));
        if (shares.Values.FirstOrDefault(share => Math.Abs(share.Weight) > WeightSpace.Limit) is { } far)
        {
            throw new BadInputException(string.Create(
                CultureInfo.InvariantCulture,
                $"{path}: adapter '{far.Name}' has weight {far.Weight:0.###}, and weights are searched from -{WeightSpace.Limit} to " +
                $"{WeightSpace.Limit}; bring it into that range, or leave 'start' out."));
        }

        var grouped = used.Count(share => share.GroupWeights.Count > 0);
        return (
            recipe with { Adapters = [.. names.Select(name => shares.GetValueOrDefault(name) ?? new AdapterShare(name, 0))] },
            grouped == 0 ? [] : [$"the search begins with the mean of each adapter's weights of layers ({grouped} have such)."]);
    }

    private static AdapterShare OneWeight(AdapterShare share, IReadOnlyList<string> layers)
    {
        if (share.GroupWeights.Count == 0) return share;
        var own = share.GroupWeights.ToDictionary(group => group.Group, group => group.Value);
        // How many modules other groups hold, nobody tells before the pool is opened.
        var mean = own.Keys.All(layers.Contains)
            ? layers.Average(layer => own.GetValueOrDefault(layer, share.Weight))
            : own.Values.Average();
        return share with { Weight = mean, GroupWeights = GroupValues.None };
    }
}
