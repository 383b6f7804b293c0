using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Methods;

namespace Cuvee.Hosting.Embedded;

/// <summary>An embedded model with an adapter or a recipe added to the weights that it adapts.</summary>
public static class AdaptedModel
{
    /// <summary>
    /// The base with one adapter at weight 1, as PEFT applies it. The base model's scratch is shared: do not run both at the same time.
    /// </summary>
    /// <exception cref="BadInputException">The adapter was made for another base model.</exception>
    public static EmbeddedModel Create(EmbeddedModel baseModel, PeftAdapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return Create(baseModel, new AdapterPool([adapter]), new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(adapter.Name, 1)]));
    }

    /// <summary>The base with a recipe. The base model's scratch is shared: do not run both at the same time.</summary>
    /// <param name="methods">What the recipe may name; null for the built-in methods.</param>
    /// <exception cref="BadInputException">An adapter of the pool was made for another base model.</exception>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public static EmbeddedModel Create(EmbeddedModel baseModel, AdapterPool pool, MergeRecipe recipe, MergeMethods? methods = null)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        ArgumentNullException.ThrowIfNull(pool);
        var merger = new RecipeMerger(pool.On(baseModel.Weights.Find), methods);
        return new PoolCandidates(baseModel, merger).Of(merger.Resolve(recipe));
    }
}
