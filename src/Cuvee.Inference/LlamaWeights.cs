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
        var embed = Values(LlamaTensorLayout.EmbedTokens);
        return new LlamaWeights
        {
            Config = config,
            EmbedTokens = embed,
            Norm = Values(LlamaTensorLayout.Norm),
            LmHead = config.TieWordEmbeddings ? embed : Values(LlamaTensorLayout.LmHead),
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer =>
            {
                float[] Layer(string path) => Values($"model.layers.{layer}.{path}");
                return new LlamaLayerWeights
                {
                    Linears = [.. config.LinearModules.Select(module => Layer(module.Path + ".weight"))],
                    Biases = [.. config.LinearModules.Select(module => module.HasBias ? Layer(module.Path + ".bias") : null)],
                    Norms = [.. config.Norms.Select(norm => Layer(norm.Path + ".weight"))],
                };
            })],
        };
    }

    /// <summary>On-disk name, shape and array of every tensor in the order of <see cref="LlamaTensorLayout"/>, without copying.</summary>
    public IEnumerable<TensorData> ToTensors()
    {
        var arrays = new List<float[]> { EmbedTokens };
        foreach (var layer in Layers)
        {
            arrays.AddRange(layer.Norms);
            foreach (var (weight, bias) in layer.Linears.Zip(layer.Biases))
            {
                arrays.Add(weight);
                if (bias is not null) arrays.Add(bias);
            }
        }

        arrays.Add(Norm);
        if (!Config.TieWordEmbeddings) arrays.Add(LmHead);
        return LlamaTensorLayout.Tensors(Config).Zip(arrays, (tensor, array) => new TensorData(tensor.Name, tensor.Shape, array));
    }
}
