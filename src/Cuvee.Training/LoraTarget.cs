
namespace Cuvee.Training;

/// <summary>
/// Trains LoRA factors; the merged weights are formed once per step, so that forward and backward are ordinary dense passes.
/// </summary>
internal sealed class LoraTarget : ITrainingTarget
{
    private readonly DenseWeights source;
    private readonly DenseWeights merged;
    private readonly LoraParameters factors;

    public LoraTarget(DenseWeights source, LoraParameters factors, int shards)
    {
        this.source = source;
        this.factors = factors;
        merged = WithOwnLinears(source);
        var gradients = Enumerable.Range(0, shards).Select(_ => factors.ZerosLike()).ToArray();
        Sinks = [.. gradients.Select(g => new LoraGradients(factors, g))];
        Parameters = [.. factors.Modules.SelectMany((layer, l) => layer.SelectMany((module, i) => new[]
        {
            new ParameterTensor(
                module.Name + ".lora_A", [module.Rank, module.InFeatures], module.LoraA, true,
                [.. gradients.Select(g => g.Modules[l][i].LoraA)]),
            new ParameterTensor(
                module.Name + ".lora_B", [module.OutFeatures, module.Rank], module.LoraB, true,
                [.. gradients.Select(g => g.Modules[l][i].LoraB)]),
        }))];
    }

    public IReadOnlyList<ParameterTensor> Parameters { get; }

    public IReadOnlyList<IGradientSink> Sinks { get; }

    public DenseWeights Effective()
    {
        factors.Fold(source, merged);
        return merged;
    }

    private static DenseWeights WithOwnLinears(DenseWeights source) => new()
    {
        Config = source.Config,
        EmbedTokens = source.EmbedTokens,
        Norm = source.Norm,
        LmHead = source.LmHead,
        Layers = [.. source.Layers.Select(layer => new DenseLayerWeights
        {
            Linears = [.. layer.Linears.Select(linear => new float[linear.Length])],
            Norms = layer.Norms,
        })],
    };
}
