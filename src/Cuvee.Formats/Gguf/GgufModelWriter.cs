using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A whole model as one file for llama.cpp: architecture keys, the caller's tokenizer keys, and all tensors under its names.</summary>
public static class GgufModelWriter
{
    /// <param name="path">The file; written to a temporary name and renamed.</param>
    /// <param name="name">Shown to people (<c>general.name</c>).</param>
    /// <param name="tokenizer">Adds the keys of the tokenizer.</param>
    /// <param name="weights">Values of a tensor by its on-disk name of <see cref="LlamaTensorLayout"/>: [out, in], vectors as one row.</param>
    /// <param name="format">Of all matrices; where Q8_0's blocks do not fit a row, fp16. Norms and biases stay fp32, as llama.cpp wants
    /// them.</param>
    /// <exception cref="BadInputException">llama.cpp cannot compute such a model, or a value is not finite or too large.</exception>
    public static void Write(
        string path, string name, LlamaConfig config, Action<GgufMetadata> tokenizer, Func<string, StoredMatrix> weights, StorageFormat format)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(weights);
        ThrowIfNotComputed(path, config);
        var metadata = new GgufMetadata(path);
        metadata.Add("general.architecture", config.Family.GgufArchitecture);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", name);
        metadata.Add("general.file_type", FileType(format));
        if (format == StorageFormat.Q80) metadata.Add("general.quantization_version", 2u);
        AddConfig(metadata, config);
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

    private static void AddConfig(GgufMetadata metadata, LlamaConfig config)
    {
        void Count(string key, int value) => metadata.Add($"{config.Family.GgufArchitecture}.{key}", (uint)value);
        void Number(string key, double value) => metadata.Add($"{config.Family.GgufArchitecture}.{key}", (float)value);
        // It computes no sliding window: up to the window's length that is the same.
        Count("context_length", Math.Min(config.MaxPositionEmbeddings, config.SlidingWindow ?? int.MaxValue));
        Count("embedding_length", config.HiddenSize);
        Count("block_count", config.NumHiddenLayers);
        Count("feed_forward_length", config.IntermediateSize);
        Count("attention.head_count", config.NumAttentionHeads);
        Count("attention.head_count_kv", config.NumKeyValueHeads);
        Count("attention.key_length", config.HeadDim);
        Count("attention.value_length", config.HeadDim);
        Number("attention.layer_norm_rms_epsilon", config.RmsNormEps);
        Count("rope.dimension_count", config.HeadDim);
        Number("rope.freq_base", config.RopeTheta);
        Count("vocab_size", config.VocabSize);
        if (config.RopeScaling is LinearRopeScaling linear)
        {
            metadata.Add($"{config.Family.GgufArchitecture}.rope.scaling.type", "linear");
            Number("rope.scaling.factor", linear.Factor);
        }
        else if (config.RopeScaling is Llama3RopeScaling llama3)
        {
            Count("rope.scaling.original_context_length", llama3.OriginalMaxPositionEmbeddings);
        }
    }

    private static IEnumerable<GgufTensor> Tensors(LlamaConfig config, Func<string, StoredMatrix> weights, StorageFormat format)
    {
        if (config.RopeScaling is Llama3RopeScaling scaling) yield return RopeFactors(config, scaling);
        foreach (var (name, shape) in LlamaTensorLayout.Tensors(config))
        {
            var values = weights(name);
            var rows = GgufTensorNames.RowsOf(config, name[..name.LastIndexOf('.')]);
            yield return new GgufTensor(
                new TensorSource(GgufTensorNames.FromTensor(name), shape, Rows(weights(name), rows)), FormatOf(shape, format));
        }
    }

    /// <param name="order">Source row of each row; elements where the source is a vector. Null: as they stand.</param>
    private static FillRows Rows(StoredMatrix source, int[]? order) => (first, target) =>
    {
        var (values, columns) = (target.Span, source.Columns);
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

    private static GgufTensor RopeFactors(LlamaConfig config, RopeScaling scaling)
    {
        var pairs = config.HeadDim / 2;
        return new GgufTensor(
            new TensorSource(GgufTensorNames.RopeFactors, [pairs], (_, factors) =>
            {
                for (var pair = 0; pair < pairs; pair++)
                {
                    var frequency = Math.Pow(config.RopeTheta, -2.0 * pair / config.HeadDim); // radians per position
                    factors.Span[pair] = (float)(frequency / scaling.Scale(frequency));
                }
            }),
            StorageFormat.F32);
    }

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
