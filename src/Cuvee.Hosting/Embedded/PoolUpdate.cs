using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Makes recipes of a pool into what the engine adds to a base's weights. The memory is that of one layer's prepared modules, reused from
/// layer to layer and from candidate to candidate: one candidate at a time.
/// </summary>
public sealed class PoolUpdate
{
    private readonly RecipeMerger merger;
    private readonly string?[][] moduleNames; // [layers][linears]; null where no adapter adapts the module
    private readonly ModuleUpdate[] updates; // [linears]

    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public PoolUpdate(LlamaConfig config, RecipeMerger merger)
    {
        this.merger = merger;
        var linears = config.LinearModules;
        var places = new Dictionary<string, LinearModule>(StringComparer.Ordinal);
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
            foreach (var linear in linears) places.Add(Name(layer, linear), linear);
        foreach (var adapter in merger.Pool.Adapters) Check(adapter, places);
        var adapted = merger.ModuleNames.ToHashSet(StringComparer.Ordinal);
        moduleNames = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer =>
            linears.Select(linear => adapted.Contains(Name(layer, linear)) ? Name(layer, linear) : null).ToArray())];
        updates = [.. linears.Select(_ => new ModuleUpdate())];
    }

    public ILinearUpdate Of(ResolvedRecipe recipe) => new Candidate(this, recipe);

    private static string Name(int layer, LinearModule linear) => $"model.layers.{layer}.{linear.Path}";

    private static void Check(PeftAdapter adapter, Dictionary<string, LinearModule> places)
    {
        foreach (var module in adapter.Modules)
        {
            if (module.Name is LlamaTensorLayout.EmbedTokensModule or LlamaTensorLayout.LmHeadModule) continue; // PoolEmbeddings
            if (!places.TryGetValue(module.Name, out var linear))
            {
                throw new BadInputException(
                    $"Adapter '{adapter.Name}' adapts module {module.Name}, which the base model does not have; use the base that it was " +
                    "trained on.");
            }

            if (module.OutFeatures != linear.OutFeatures || module.InFeatures != linear.InFeatures)
            {
                throw new BadInputException(
                    $"Adapter '{adapter.Name}' holds [{module.OutFeatures}, {module.InFeatures}] for module {module.Name}, which is " +
                    $"[{linear.OutFeatures}, {linear.InFeatures}] in the base model; use the base that it was trained on.");
            }
        }
    }

    private sealed class Candidate(PoolUpdate pool, ResolvedRecipe recipe) : ILinearUpdate
    {
        public bool Adapts(int layer, int linear) => pool.moduleNames[layer][linear] is not null;

        public void Prepare(int layer, int linear) => pool.merger.Prepare(pool.updates[linear], recipe, pool.moduleNames[layer][linear]!);

        public void AddRows(int linear, int firstRow, Span<float> rows) => pool.updates[linear].AddRows(firstRow, rows);
    }
}
