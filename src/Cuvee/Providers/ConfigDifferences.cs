using Cuvee.Formats.HuggingFace;

namespace Cuvee.Providers;

/// <summary>Keys of config.json in which a whole model differs from the base, whose configuration all models of a pool are computed
/// with.</summary>
internal static class ConfigDifferences
{
    private static readonly (string Key, Func<LlamaConfig, object?> Of)[] Tensors =
    [
        ("model_type", config => config.Family.ModelType),
        ("num_hidden_layers", config => config.NumHiddenLayers),
        ("vocab_size", config => config.VocabSize),
        ("hidden_size", config => config.HiddenSize),
        ("intermediate_size", config => config.IntermediateSize),
        ("num_attention_heads", config => config.NumAttentionHeads),
        ("num_key_value_heads", config => config.NumKeyValueHeads),
        ("head_dim", config => config.HeadDim),
        ("attention_bias", config => config.AttentionBias),
        ("mlp_bias", config => config.MlpBias),
        ("tie_word_embeddings", config => config.TieWordEmbeddings),
    ];

    private static readonly (string Key, Func<LlamaConfig, object?> Of)[] Computation =
    [
        ("rms_norm_eps", config => config.RmsNormEps),
        ("rope_theta", config => config.RopeTheta),
        ("rope_scaling", config => config.RopeScaling),
        ("sliding_window", config => config.SlidingWindow),
    ];

    /// <summary>Those that say which tensors there are and what they mean: such models do not merge.</summary>
    public static IEnumerable<string> OfTensors(LlamaConfig member, LlamaConfig origin) => Of(Tensors, member, origin);

    /// <summary>Those that the same tensors are computed with: the model is another one under the base's.</summary>
    public static IEnumerable<string> OfComputation(LlamaConfig member, LlamaConfig origin) => Of(Computation, member, origin);

    private static IEnumerable<string> Of(
        (string Key, Func<LlamaConfig, object?> Of)[] keys, LlamaConfig member, LlamaConfig origin) =>
        keys.Where(key => !Equals(key.Of(member), key.Of(origin))).Select(key => key.Key);
}
