namespace Cuvee.Formats.HuggingFace;

/// <summary>On-disk names and shapes of a Llama model's tensors.</summary>
public static class LlamaTensorLayout
{
    public const string EmbedTokens = "model.embed_tokens.weight";

    public const string LmHead = "lm_head.weight";

    /// <summary>
    /// Every tensor that a model of <paramref name="config"/> has; no <see cref="LmHead"/> when it is tied to <see cref="EmbedTokens"/>.
    /// </summary>
    public static IEnumerable<(string Name, IReadOnlyList<int> Shape)> Tensors(LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        yield return (EmbedTokens, [config.VocabSize, config.HiddenSize]);
        var linears = config.LinearModules;
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            yield return (prefix + "input_layernorm.weight", [config.HiddenSize]);
            yield return (prefix + "post_attention_layernorm.weight", [config.HiddenSize]);
            foreach (var (path, outFeatures, inFeatures) in linears) yield return ($"{prefix}{path}.weight", [outFeatures, inFeatures]);
        }

        yield return ("model.norm.weight", [config.HiddenSize]);
        if (!config.TieWordEmbeddings) yield return (LmHead, [config.VocabSize, config.HiddenSize]);
    }

    internal static Dictionary<string, IReadOnlyList<int>> Shapes(LlamaConfig config) =>
        Tensors(config).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
}
