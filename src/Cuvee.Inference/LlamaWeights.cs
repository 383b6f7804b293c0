using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// The weights of one model as they are stored: matrices where they lie in mapped files or arrays, vectors in fp32. Nothing is copied.
/// </summary>
public sealed class LlamaWeights
{
    public required LlamaConfig Config { get; init; }

    /// <summary>[vocab, hidden]</summary>
    public required StoredMatrix EmbedTokens { get; init; }

    /// <summary>In the order in which they are run: as many as there are, the same object several times if wanted.</summary>
    public required IReadOnlyList<LlamaLayerWeights> Layers { get; init; }

    /// <summary>[hidden]</summary>
    public required float[] Norm { get; init; }

    /// <summary>[vocab, hidden]; the same object as <see cref="EmbedTokens"/> when the head is tied.</summary>
    public required StoredMatrix LmHead { get; init; }

    /// <summary>[out, in] of a linear module, of the embedding or of the head; null where the model has no module of that name.</summary>
    public StoredMatrix? Find(string module)
    {
        if (module == LlamaTensorLayout.EmbedTokensModule) return EmbedTokens;
        if (module == LlamaTensorLayout.LmHeadModule) return LmHead;
        for (var linear = 0; linear < Config.LinearModules.Count; linear++)
        {
            var (prefix, suffix) = ("model.layers.", "." + Config.LinearModules[linear].Path);
            if (module.StartsWith(prefix, StringComparison.Ordinal) && module.EndsWith(suffix, StringComparison.Ordinal)
                && int.TryParse(module.AsSpan()[prefix.Length..^suffix.Length], out var layer) && layer >= 0 && layer < Layers.Count)
                return Layers[layer].Linears[linear];
        }

        return null;
    }

    /// <param name="tensors">By on-disk name, shapes already checked by the reader; vectors as one row.</param>
    public static LlamaWeights FromTensors(LlamaConfig config, IReadOnlyDictionary<string, StoredMatrix> tensors)
    {
        ArgumentNullException.ThrowIfNull(config);
        var embed = tensors[LlamaTensorLayout.EmbedTokens];
        return new LlamaWeights
        {
            Config = config,
            EmbedTokens = embed,
            Norm = tensors[LlamaTensorLayout.Norm].ToSingles(),
            LmHead = config.TieWordEmbeddings ? embed : tensors[LlamaTensorLayout.LmHead],
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer =>
            {
                StoredMatrix Of(string path) => tensors[$"model.layers.{layer}.{path}"];
                return new LlamaLayerWeights
                {
                    Linears = [.. config.LinearModules.Select(module => Of(module.Path + ".weight"))],
                    Biases = [.. config.LinearModules.Select(module => module.HasBias ? Of(module.Path + ".bias").ToSingles() : null)],
                    Norms = [.. config.Norms.Select(norm => Of(norm.Path + ".weight").ToSingles())],
                };
            })],
        };
    }

    /// <summary>Weights in arrays, which are not copied.</summary>
    public static LlamaWeights FromTensors(LlamaConfig config, IEnumerable<TensorData> tensors) => FromTensors(
        config,
        tensors.ToDictionary(
            tensor => tensor.Name,
            tensor => StoredMatrix.Over(tensor.Shape.Count == 1 ? 1 : tensor.Shape[0], tensor.Shape[^1], tensor.Values),
            StringComparer.Ordinal));

    /// <summary>On-disk name, shape and fp32 copy of every tensor in the order of <see cref="LlamaTensorLayout"/>.</summary>
    public IEnumerable<TensorData> ToTensors()
    {
        var values = new List<float[]> { EmbedTokens.ToSingles() };
        foreach (var layer in Layers)
        {
            values.AddRange(layer.Norms);
            foreach (var (weight, bias) in layer.Linears.Zip(layer.Biases))
            {
                values.Add(weight.ToSingles());
                if (bias is not null) values.Add(bias);
            }
        }

        values.Add(Norm);
        if (!Config.TieWordEmbeddings) values.Add(LmHead.ToSingles());
        return LlamaTensorLayout.Tensors(Config).Zip(values, (tensor, array) => new TensorData(tensor.Name, tensor.Shape, array));
    }
}
