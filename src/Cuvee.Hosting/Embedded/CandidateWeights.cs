using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// One reusable copy of the base's adapted linear weights. Forming a candidate overwrites the last one; everything that the pool does not
/// adapt is shared with the base. One call at a time.
/// </summary>
public sealed class CandidateWeights
{
    private readonly Job[] jobs; // the costliest first, so that the team ends together
    private readonly LlamaWeights baseWeights;
    private readonly RecipeMerger merger;
    private readonly LlamaLayerWeights[] layers; // [layers]

    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public CandidateWeights(LlamaWeights baseWeights, RecipeMerger merger)
    {
        (this.baseWeights, this.merger) = (baseWeights, merger);
        var linears = baseWeights.Config.LinearModules;
        var places = new Dictionary<string, (int Layer, int Linear)>(StringComparer.Ordinal);
        for (var layer = 0; layer < baseWeights.Layers.Count; layer++)
        {
            for (var linear = 0; linear < linears.Count; linear++)
                places.Add($"model.layers.{layer}.{linears[linear].Path}", (layer, linear));
        }

        foreach (var adapter in merger.Pool.Adapters) Check(adapter, places, linears);
        var copies = baseWeights.Layers.Select(layer => layer.Linears.ToArray()).ToArray(); // [layers][7]
        jobs = [.. merger.ModuleNames.Select(name =>
        {
            var (layer, linear) = places[name];
            var source = copies[layer][linear];
            var target = GC.AllocateUninitializedArray<float>(checked((int)source.Count));
            copies[layer][linear] = StoredMatrix.Over(source.Rows, source.Columns, target);
            return new Job(name, source, target);
        }).OrderByDescending(job => job.Source.Count).ThenBy(job => job.ModuleName, StringComparer.Ordinal)];
        layers = [.. baseWeights.Layers.Zip(copies, (layer, linears) => new LlamaLayerWeights { Linears = linears, Biases = layer.Biases, Norms = layer.Norms })];
    }

    /// <summary>
    /// Overwrites the copy with base + update, modules spread over <paramref name="team"/>. The result holds until the next call.
    /// </summary>
    public LlamaWeights Form(ResolvedRecipe recipe, ThreadTeam team)
    {
        team.Run(jobs.Length, i =>
        {
            var job = jobs[i];
            job.Source.ReadRows(0, job.Source.Rows, job.Target);
            merger.AddTo(recipe, job.ModuleName, job.Target);
        });

        // A new object each time: whoever packs weights may tell candidates apart by reference.
        return new LlamaWeights
        {
            Config = baseWeights.Config,
            EmbedTokens = baseWeights.EmbedTokens,
            Layers = layers,
            Norm = baseWeights.Norm,
            LmHead = baseWeights.LmHead,
        };
    }

    private static void Check(
        PeftAdapter adapter,
        Dictionary<string, (int Layer, int Linear)> places,
        IReadOnlyList<LinearModule> linears)
    {
        foreach (var module in adapter.Modules)
        {
            if (!places.TryGetValue(module.Name, out var place))
            {
                throw new BadInputException(
                    $"Adapter '{adapter.Name}' adapts module {module.Name}, which the base model does not have; use the base that it was " +
                    "trained on.");
            }

            var (_, outFeatures, inFeatures) = linears[place.Linear];
            if (module.OutFeatures != outFeatures || module.InFeatures != inFeatures)
            {
                throw new BadInputException(
                    $"Adapter '{adapter.Name}' holds [{module.OutFeatures}, {module.InFeatures}] for module {module.Name}, which is " +
                    $"[{outFeatures}, {inFeatures}] in the base model; use the base that it was trained on.");
            }
        }
    }

    private sealed record Job(string ModuleName, StoredMatrix Source, float[] Target);
}
