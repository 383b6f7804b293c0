using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Candidates of one pool on one base model; the memory of one is the next one's. Those near a centre (<see cref="RecipeCenter"/>) start
/// from its weights, kept as a whole, and form only their difference.
/// </summary>
internal sealed class PoolCandidates
{
    private readonly EmbeddedModel baseModel;
    private readonly RecipeMerger merger;
    private readonly PoolUpdate updates;
    private readonly PoolEmbeddings embeddings;
    private readonly bool holdsCenter;
    private WeightedRecipe? center;
    private LlamaWeights? centerWeights; // null: not formed yet

    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public PoolCandidates(EmbeddedModel baseModel, RecipeMerger merger)
    {
        (this.baseModel, this.merger) = (baseModel, merger);
        updates = new PoolUpdate(baseModel.Weights.Config, merger);
        embeddings = new PoolEmbeddings(baseModel.Weights, merger);
        holdsCenter = embeddings.IsEmpty && LlamaEngine.HoldsCenter(baseModel.Weights.Config)
            && !merger.Pool.Adapters.Any(adapter => adapter.Modules.Any(module => module.RowFactors is not null));
    }

    /// <summary>While no candidate is in use.</summary>
    public void Expect(IReadOnlyList<MergeRecipe> recipes)
    {
        if (holdsCenter) (center, centerWeights) = (RecipeCenter.Of(recipes), null);
    }

    public EmbeddedModel Of(ResolvedRecipe recipe) =>
        baseModel.With(updates.Of(recipe), embeddings.IsEmpty ? baseModel.Weights : embeddings.Form(recipe));

    /// <returns>Null where the recipe is not near the centre of those that were expected.</returns>
    public async Task<EmbeddedModel?> NearCenterAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        if (center is null || recipe is not WeightedRecipe weighted) return null;
        if (RecipeCenter.Difference(weighted, center) is not { } difference) return null;
        centerWeights ??= await baseModel.FoldCenterAsync(updates.Of(merger.Resolve(center)), cancellationToken).ConfigureAwait(false);
        return baseModel.With(difference.Adapters.Count == 0 ? null : updates.Of(merger.Resolve(difference)), centerWeights);
    }
}
