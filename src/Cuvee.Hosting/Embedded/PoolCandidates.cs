using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Hosting.Embedded;

/// <summary>Candidates of one pool on one base model; the memory of one is the next one's.</summary>
internal sealed class PoolCandidates
{
    private readonly EmbeddedModel baseModel;
    private readonly PoolUpdate updates;
    private readonly PoolEmbeddings embeddings;

    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public PoolCandidates(EmbeddedModel baseModel, RecipeMerger merger)
    {
        this.baseModel = baseModel;
        updates = new PoolUpdate(baseModel.Weights.Config, merger);
        embeddings = new PoolEmbeddings(baseModel.Weights, merger);
    }

    public EmbeddedModel Of(ResolvedRecipe recipe) =>
        baseModel.With(updates.Of(recipe), embeddings.IsEmpty ? baseModel.Weights : embeddings.Form(recipe));
}
