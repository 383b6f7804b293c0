using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;

namespace Cuvee.Training;

/// <summary>All weights of a model, or their gradients, in fp32 arrays that training writes.</summary>
public sealed class DenseWeights
{
    public required LlamaConfig Config { get; init; }

    /// <summary>[vocab, hidden]</summary>
    public required float[] EmbedTokens { get; init; }

    public required IReadOnlyList<DenseLayerWeights> Layers { get; init; }

    /// <summary>[hidden]</summary>
    public required float[] Norm { get; init; }

    /// <summary>[vocab, hidden]; the same array as <see cref="EmbedTokens"/> when the head is tied.</summary>
    public required float[] LmHead { get; init; }

    /// <summary>Takes the arrays of <paramref name="tensors"/> without copying.</summary>
    public static DenseWeights FromTensors(LlamaConfig config, IEnumerable<TensorData> tensors)
    {
        ArgumentNullException.ThrowIfNull(config);
        var named = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values, StringComparer.Ordinal);
        var embed = named[LlamaTensorLayout.EmbedTokens];
        return new DenseWeights
        {
            Config = config,
            EmbedTokens = embed,
            Norm = named[LlamaTensorLayout.Norm],
            LmHead = config.TieWordEmbeddings ? embed : named[LlamaTensorLayout.LmHead],
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new DenseLayerWeights
            {
                Linears = [.. config.LinearModules.Select(module => named[$"model.layers.{layer}.{module.Path}.weight"])],
                Biases = [.. config.LinearModules.Select(
                    module => module.HasBias ? named[$"model.layers.{layer}.{module.Path}.bias"] : null)],
                Norms = [.. config.Norms.Select(norm => named[$"model.layers.{layer}.{norm.Path}.weight"])],
            })],
        };
    }

    /// <summary>fp32 copies.</summary>
    public static DenseWeights CopyOf(LlamaWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return FromTensors(weights.Config, weights.ToTensors().Select(tensor => tensor with { Values = [.. tensor.Values] }));
    }

    /// <summary>Zeros in the layout of <paramref name="source"/>, a tied head tied.</summary>
    public static DenseWeights ZerosLike(DenseWeights source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return FromTensors(source.Config, source.ToTensors().Select(tensor => tensor with { Values = new float[tensor.Values.Length] }));
    }

    /// <summary>On-disk name, shape and array of every tensor in the order of <see cref="LlamaTensorLayout"/>, without copying.</summary>
    public IEnumerable<TensorData> ToTensors()
    {
        IEnumerable<float[]> arrays =
        [
            EmbedTokens,
            .. Layers.SelectMany(layer => layer.Norms.Concat(layer.Linears.Zip(layer.Biases).SelectMany(
                pair => pair.Second is null ? [pair.First] : new[] { pair.First, pair.Second }))),
            Norm,
            .. Config.TieWordEmbeddings ? Array.Empty<float[]>() : [LmHead],
        ];
        return LlamaTensorLayout.Tensors(Config).Zip(arrays, (tensor, array) => new TensorData(tensor.Name, tensor.Shape, array));
    }
}
