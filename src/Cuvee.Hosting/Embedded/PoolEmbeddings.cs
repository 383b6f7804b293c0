using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Embedding and head of a base where a pool adapts them: an fp32 copy of each, reused from candidate to candidate. A tied head stays the base's when only the embedding is adapted, and the other way round, as in PEFT.
/// </summary>
internal sealed class PoolEmbeddings
{
    private readonly LlamaWeights baseWeights;
    private readonly RecipeMerger merger;
    private readonly ModuleUpdate update = new();
    private readonly float[]? embedding; // [vocab, hidden]
    private readonly float[]? head; // [vocab, hidden]

    /// <exception cref="BadInputException">An adapter has another shape.</exception>
    public PoolEmbeddings(LlamaWeights baseWeights, RecipeMerger merger)
    {
        (this.baseWeights, this.merger) = (baseWeights, merger);
        embedding = Copy(LlamaTensorLayout.EmbedTokensModule);
        head = Copy(LlamaTensorLayout.LmHeadModule);
    }

    /// <summary>Neither is adapted.</summary>
    public bool IsEmpty => embedding is null && head is null;

    /// <summary>The base's weights with the recipe's embedding and head; valid until the next call.</summary>
    public LlamaWeights Form(ResolvedRecipe recipe) => new()
    {
        Config = baseWeights.Config,
        Layers = baseWeights.Layers,
        Norm = baseWeights.Norm,
        EmbedTokens = Form(recipe, LlamaTensorLayout.EmbedTokensModule, baseWeights.EmbedTokens, embedding),
        LmHead = Form(recipe, LlamaTensorLayout.LmHeadModule, baseWeights.LmHead, head),
    };

    private StoredMatrix Form(ResolvedRecipe recipe, string module, StoredMatrix source, float[]? copy)
    {
        if (copy is null) return source;
        merger.Prepare(update, recipe, module);
        using var team = new ThreadTeam();
        const int rows = 1024; // at a time
        team.Run((source.Rows + rows - 1) / rows, item =>
        {
            var count = Math.Min(rows, source.Rows - (item * rows));
            var part = copy.AsSpan(item * rows * source.Columns, count * source.Columns);
            source.ReadRows(item * rows, count, part);
            update.AddRows(item * rows, part);
        });
        return StoredMatrix.Over(source.Rows, source.Columns, copy);
    }

    private float[]? Copy(string module)
    {
        if (!merger.ModuleNames.Contains(module)) return null;
        var (rows, columns) = (baseWeights.Config.VocabSize, baseWeights.Config.HiddenSize);
        var (outFeatures, inFeatures) = merger.ShapeOf(module);
        return (outFeatures, inFeatures) == (rows, columns)
            ? new float[checked(rows * columns)]
            : throw new BadInputException(
                $"The pool's adapters hold [{outFeatures}, {inFeatures}] for module {module}, which is [{rows}, {columns}] in the base model; " +
                "use the base that they were trained on.");
    }
}
