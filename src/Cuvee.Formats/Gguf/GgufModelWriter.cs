using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A whole model as one file for llama.cpp: architecture keys, the caller's tokenizer keys, and all tensors under its
/// names.</summary>
public static class GgufModelWriter
{
    /// <param name="path">The file; written to a temporary name and renamed.</param>
    /// <param name="name">Shown to people (<c>general.name</c>).</param>
    /// <param name="tokenizer">Adds the keys of the tokenizer.</param>
    /// <param name="weights">By on-disk name of <see cref="LlamaTensorLayout"/>: [out, in], vectors as one row.</param>
    /// <param name="format">Of all matrices; where Q8_0's blocks do not fit a row, fp16. Norms and biases stay fp32, as llama.cpp wants
    /// them.</param>
    /// <exception cref="BadInputException">llama.cpp cannot compute such a model, or a value is not finite or too large.</exception>
    public static void Write(
        string path, string name, LlamaConfig config, Action<GgufMetadata> tokenizer, IReadOnlyDictionary<string, StoredMatrix> weights,
        StorageFormat format)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(weights);
        ThrowIfNotComputed(path, config);
        var metadata = new GgufMetadata(path);
        metadata.Add(GgufKeys.Architecture, config.Family.GgufArchitecture);
        metadata.Add(GgufKeys.Type, "model");
        metadata.Add(GgufKeys.Name, name);
        metadata.Add(GgufKeys.FileType, FileType(format));
        if (format == StorageFormat.Q80) metadata.Add(GgufKeys.QuantizationVersion, 2u);
        GgufConfigKeys.Write(metadata, config);
        tokenizer(metadata);
        GgufWriter.Write(path, metadata, [.. Tensors(config, weights, format)]);
    }

    /// <summary>What llama.cpp's graphs of these architectures leave out would change the result silently.</summary>
    private static void ThrowIfNotComputed(string path, LlamaConfig config)
    {
        var architecture = config.Family.GgufArchitecture;
        BadInputException Error(string key) => new(
            $"{path}: llama.cpp's architecture '{architecture}' knows no {key}, which the model has; it stays a Hugging Face folder.");
        if (architecture == "llama") return;
        if (config.AttentionBias) throw Error("bias of o_proj (attention_bias)");
        if (config.MlpBias) throw Error("mlp_bias");
        if (config.RopeScaling is Llama3RopeScaling) throw Error("rope_scaling llama3");
        if (architecture == "qwen2" && config.NumAttentionHeads * config.HeadDim != config.HiddenSize)
            throw Error("head_dim other than hidden_size / num_attention_heads");
    }

    private static IEnumerable<GgufTensor> Tensors(LlamaConfig config, IReadOnlyDictionary<string, StoredMatrix> weights,
        StorageFormat format)
    {
        if (config.RopeScaling is Llama3RopeScaling scaling)
        {
            var factors = Llama3Factors.Of(scaling, config.RopeTheta, config.HeadDim);
            yield return new GgufTensor(
                new TensorSource(GgufTensorNames.RopeFactors, [factors.Length], (_, rows) => factors.CopyTo(rows)), StorageFormat.F32);
        }

        foreach (var (name, shape) in LlamaTensorLayout.Tensors(config))
        {
            var values = weights[name];
            var rows = GgufTensorNames.RowsOf(config, name[..name.LastIndexOf('.')]);
            yield return new GgufTensor(
                new TensorSource(GgufTensorNames.FromTensor(name), shape, Rows(weights[name], rows)), FormatOf(shape, format));
        }
    }

    /// <param name="order">Source row of each row; elements where the source is a vector. Null: as they stand.</param>
    private static FillRows Rows(StoredMatrix source, int[]? order) => (first, target) =>
    {
        var values = target.Span;
        var columns = source.Columns;
        if (order is null)
        {
            source.ReadRows(first, values.Length / columns, values);
        }
        else if (source.Rows == 1)
        {
            var vector = source.ToSingles();
            for (var i = 0; i < values.Length; i++) values[i] = vector[order[i]];
        }
        else
        {
            for (var row = 0; row < values.Length / columns; row++)
                source.ReadRow(order[first + row], values.Slice(row * columns, columns));
        }
    };

    private static StorageFormat FormatOf(IReadOnlyList<int> shape, StorageFormat format)
    {
        if (shape.Count == 1) return StorageFormat.F32;
        return format == StorageFormat.Q80 && shape[^1] % StorageFormats.BlockElements != 0 ? StorageFormat.F16 : format;
    }

    // llama.cpp's numbers of what most of the tensors are stored as.
    private static uint FileType(StorageFormat format) => format switch
    {
        StorageFormat.F32 => 0,
        StorageFormat.F16 => 1,
        StorageFormat.Q80 => 7,
        _ => 32,
    };
}
