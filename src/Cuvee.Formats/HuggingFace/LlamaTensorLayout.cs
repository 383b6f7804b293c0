namespace Cuvee.Formats.HuggingFace;

/// <summary>On-disk names and shapes of a decoder's tensors.</summary>
public static class LlamaTensorLayout
{
    public const string EmbedTokensModule = "model.embed_tokens";

    public const string LmHeadModule = "lm_head";

    public const string EmbedTokens = EmbedTokensModule + ".weight";

    public const string Norm = "model.norm.weight";

    public const string LmHead = LmHeadModule + ".weight";

    /// <summary>
    /// Every tensor that a model of <paramref name="config"/> has; no <see cref="LmHead"/> when it is tied to <see cref="EmbedTokens"/>.
    /// </summary>
    public static IEnumerable<(string Name, IReadOnlyList<int> Shape)> Tensors(LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        yield return (EmbedTokens, [config.VocabSize, config.HiddenSize]);
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            foreach (var (path, length) in config.Norms) yield return ($"{prefix}{path}.weight", [length]);
            foreach (var module in config.LinearModules)
            {
                yield return ($"{prefix}{module.Path}.weight", [module.OutFeatures, module.InFeatures]);
                if (module.HasBias) yield return ($"{prefix}{module.Path}.bias", [module.OutFeatures]);
            }
        }

        yield return (Norm, [config.HiddenSize]);
        if (!config.TieWordEmbeddings) yield return (LmHead, [config.VocabSize, config.HiddenSize]);
    }

    internal static Dictionary<string, IReadOnlyList<int>> Shapes(LlamaConfig config) =>
        Tensors(config).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
}
