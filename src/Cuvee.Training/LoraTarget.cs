
namespace Cuvee.Training;

/// <summary>
/// Trains LoRA factors; the merged weights are formed once per step, so that forward and backward are ordinary dense passes.
/// </summary>
internal sealed class LoraTarget : ITrainingTarget
{
    private readonly DenseWeights source;
    private readonly DenseWeights merged;
    private readonly LoraParameters factors;

    private readonly SharedWork work;

    public LoraTarget(DenseWeights source, LoraParameters factors, SharedWork work)
    {
        this.source = source;
        this.factors = factors;
        this.work = work;
        merged = WithOwnLinears(source);
        var gradients = factors.ZerosLike();
        Sink = new LoraGradients(factors, gradients, work);
        Parameters = [.. factors.Modules.SelectMany((layer, l) => layer.SelectMany((module, i) => new[]
        {
            new ParameterTensor(
                module.Name + ".lora_A", [module.Rank, module.InFeatures], module.LoraA, true, gradients.Modules[l][i].LoraA),
            new ParameterTensor(
                module.Name + ".lora_B", [module.OutFeatures, module.Rank], module.LoraB, true, gradients.Modules[l][i].LoraB),
        }))];
    }

    public IReadOnlyList<ParameterTensor> Parameters { get; }

    public IGradientSink Sink { get; }

    public DenseWeights Effective()
    {
        factors.Fold(source, merged, work.Team);
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
            Biases = layer.Biases,
            Norms = layer.Norms,
        })],
    };
}
