using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Inference;

/// <summary>
/// All weights of a Llama-architecture model in fp32. The arrays are owned by this object and may be written by
/// their owner (training, merging).
/// </summary>
public sealed class LlamaWeights
{
    public required LlamaConfig Config { get; init; }

    /// <summary>[vocab, hidden]</summary>
    public required float[] EmbedTokens { get; init; }

    public required IReadOnlyList<LlamaLayerWeights> Layers { get; init; }

    /// <summary>[hidden]</summary>
    public required float[] Norm { get; init; }

    /// <summary>[vocab, hidden]; the same array as <see cref="EmbedTokens"/> when the head is tied.</summary>
    public required float[] LmHead { get; init; }

    /// <summary>Takes the arrays of <paramref name="tensors"/> (shapes already checked by the reader) without copying.</summary>
    public static LlamaWeights FromTensors(LlamaConfig config, IReadOnlyDictionary<string, TensorData> tensors)
    {
        float[] Values(string name) => tensors[name].Values;
        var embed = Values("model.embed_tokens.weight");
        return new LlamaWeights
        {
            Config = config,
            EmbedTokens = embed,
            Norm = Values("model.norm.weight"),
            LmHead = config.TieWordEmbeddings ? embed : Values("lm_head.weight"),
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer =>
            {
                float[] Layer(string path) => Values($"model.layers.{layer}.{path}.weight");
                return new LlamaLayerWeights
                {
                    InputLayerNorm = Layer("input_layernorm"),
                    QProj = Layer("self_attn.q_proj"),
                    KProj = Layer("self_attn.k_proj"),
                    VProj = Layer("self_attn.v_proj"),
                    OProj = Layer("self_attn.o_proj"),
                    PostAttentionLayerNorm = Layer("post_attention_layernorm"),
                    GateProj = Layer("mlp.gate_proj"),
                    UpProj = Layer("mlp.up_proj"),
                    DownProj = Layer("mlp.down_proj"),
                };
            })],
        };
    }

    /// <summary>On-disk name, shape and array of every tensor, without copying.</summary>
    public IEnumerable<TensorData> ToTensors()
    {
        var hidden = Config.HiddenSize;
        yield return new TensorData("model.embed_tokens.weight", [Config.VocabSize, hidden], EmbedTokens);
        for (var layer = 0; layer < Layers.Count; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            yield return new TensorData(prefix + "input_layernorm.weight", [hidden], Layers[layer].InputLayerNorm);
            yield return new TensorData(prefix + "post_attention_layernorm.weight", [hidden], Layers[layer].PostAttentionLayerNorm);
            for (var i = 0; i < Config.LinearModules.Count; i++)
            {
                var (path, outFeatures, inFeatures) = Config.LinearModules[i];
                yield return new TensorData($"{prefix}{path}.weight", [outFeatures, inFeatures], Layers[layer].Linears[i]);
            }
        }

        yield return new TensorData("model.norm.weight", [hidden], Norm);
        if (!Config.TieWordEmbeddings) yield return new TensorData("lm_head.weight", [Config.VocabSize, hidden], LmHead);
    }
}
