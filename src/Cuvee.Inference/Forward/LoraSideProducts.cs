using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>A LoRA evaluated beside the base products instead of folded into them: y += Scaling * (x LoraA^T) LoraB^T.</summary>
internal sealed class LoraSideProducts
{
    private readonly LoraModule?[] modules; // [layers * 7], order of LlamaConfig.LinearModules
    private readonly int linearsPerLayer;

    /// <exception cref="ArgumentException">A module that the model does not have, or whose shape differs.</exception>
    public LoraSideProducts(LlamaConfig config, IEnumerable<LoraModule> adapter)
    {
        linearsPerLayer = config.LinearModules.Count;
        modules = new LoraModule?[config.NumHiddenLayers * linearsPerLayer];
        var names = Enumerable.Range(0, modules.Length).ToDictionary(
            i => $"model.layers.{i / linearsPerLayer}.{config.LinearModules[i % linearsPerLayer].Path}", StringComparer.Ordinal);
        foreach (var module in adapter)
        {
            if (!names.TryGetValue(module.Name, out var index))
                throw new ArgumentException(
                    $"The adapter's module {module.Name} is none of the model's linear modules; use an adapter of this model.");
            var (_, outFeatures, inFeatures) = config.LinearModules[index % linearsPerLayer];
            if (module.OutFeatures != outFeatures || module.InFeatures != inFeatures)
            {
                throw new ArgumentException(
                    $"The adapter's module {module.Name} is [{module.OutFeatures}, {module.InFeatures}], " +
                    $"the model's [{outFeatures}, {inFeatures}]; use an adapter of this model.");
            }

            modules[index] = module;
        }

        LargestRank = modules.Max(module => module?.Rank ?? 0);
    }

    public int LargestRank { get; }

    /// <param name="x">[rows, in]</param>
    /// <param name="low">Scratch, [rows, LargestRank] at least.</param>
    /// <param name="y">[rows, out]</param>
    public void Add(int layer, int linear, int rows, ReadOnlySpan<float> x, Span<float> low, Span<float> y)
    {
        if (modules[(layer * linearsPerLayer) + linear] is not { } module) return;
        var rank = module.Rank;
        Gemm.Multiply(rows, rank, module.InFeatures, x, module.InFeatures, false, module.LoraA, module.InFeatures, true, low, rank, false);
        for (var i = 0; i < rows * rank; i++) low[i] *= module.Scaling;
        Gemm.Multiply(rows, module.OutFeatures, rank, low, rank, false, module.LoraB, rank, true, y, module.OutFeatures, true);
    }
}
