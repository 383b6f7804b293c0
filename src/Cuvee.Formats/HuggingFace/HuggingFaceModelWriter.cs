using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.HuggingFace;

public static class HuggingFaceModelWriter
{
    /// <summary>
    /// Writes config.json, generation_config.json and model.safetensors or its shards (temp + rename). tokenizer.json is the caller's.
    /// </summary>
    /// <param name="folder">Made when absent; its other files stay.</param>
    /// <param name="weights">Exactly the tensors of <see cref="LlamaTensorLayout.Tensors"/>, in any order.</param>
    /// <param name="type">Of the stored weights; also config.json's torch_dtype.</param>
    /// <exception cref="BadInputException">A tensor is missing, unexpected or of another shape, or a value is not finite or too
    /// large.</exception>
    public static void Write(string folder, LlamaConfig config, IEnumerable<TensorData> weights, TensorType type) =>
        Write(folder, config, weights.Select(tensor => tensor.ToSource()), type);

    /// <inheritdoc cref="Write(string, LlamaConfig, IEnumerable{TensorData}, TensorType)"/>
    /// <param name="maxShardBytes">Weights beyond it go to several files, at least one tensor each, and an index.</param>
    public static void Write(
        string folder, LlamaConfig config, IEnumerable<TensorSource> weights, TensorType type, long maxShardBytes = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.EosTokenIds.Count == 0)
            throw new BadInputException($"{folder}: the model has no end-of-sequence id; nothing was written.");
        var tensors = weights.ToArray();
        Check(folder, config, tensors);
        Directory.CreateDirectory(folder);
        ModelShards.Write(folder, tensors, type, maxShardBytes);
        AtomicFile.WriteAllBytes(Path.Combine(folder, LlamaConfigFile.GenerationFileName), Json(json => WriteTokenIds(json, config)));
        AtomicFile.WriteAllBytes(Path.Combine(folder, LlamaConfigFile.FileName), Json(json => WriteConfig(json, config, type)));
    }

    private static void Check(string folder, LlamaConfig config, TensorSource[] tensors)
    {
        var expected = LlamaTensorLayout.Shapes(config);
        foreach (var tensor in tensors)
        {
            if (!expected.Remove(tensor.Name, out var shape))
                throw new BadInputException($"{folder}: tensor '{tensor.Name}' does not belong to this architecture or comes " +
                    "twice; nothing was written.");
            if (!shape.SequenceEqual(tensor.Shape))
            {
                throw new BadInputException(
                    $"{folder}: tensor '{tensor.Name}' has shape [{string.Join(", ", tensor.Shape)}], not [{string.Join(", ", shape)}]; " +
                    "nothing was written.");
            }
        }

        if (expected.Count > 0)
            throw new BadInputException($"{folder}: tensor '{expected.Keys.Order(StringComparer.Ordinal).First()}' is missing; " +
                "nothing was written.");
    }

    internal static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> writeProperties)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            writeProperties(json);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    private static void WriteConfig(Utf8JsonWriter json, LlamaConfig config, TensorType type)
    {
        json.WriteStartArray("architectures");
        json.WriteStringValue(config.Family.Architecture);
        json.WriteEndArray();
        json.WriteBoolean("attention_bias", config.AttentionBias);
        WriteTokenIds(json, config);
        json.WriteNumber("head_dim", config.HeadDim);
        json.WriteString("hidden_act", "silu");
        json.WriteNumber("hidden_size", config.HiddenSize);
        json.WriteNumber("intermediate_size", config.IntermediateSize);
        json.WriteNumber("max_position_embeddings", config.MaxPositionEmbeddings);
        json.WriteBoolean("mlp_bias", config.MlpBias);
        json.WriteString("model_type", config.Family.ModelType);
        json.WriteNumber("num_attention_heads", config.NumAttentionHeads);
        json.WriteNumber("num_hidden_layers", config.NumHiddenLayers);
        json.WriteNumber("num_key_value_heads", config.NumKeyValueHeads);
        WriteFloat(json, "rms_norm_eps", config.RmsNormEps);
        WriteRopeScaling(json, config.RopeScaling);
        WriteFloat(json, "rope_theta", config.RopeTheta);
        WriteSlidingWindow(json, config);
        json.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
        json.WriteString("torch_dtype", type switch
        {
            TensorType.F32 => "float32",
            TensorType.BF16 => "bfloat16",
            TensorType.F16 => "float16",
            _ => "float64",
        });
        json.WriteNumber("vocab_size", config.VocabSize);
    }

    private static void WriteRopeScaling(Utf8JsonWriter json, RopeScaling? scaling)
    {
        if (scaling is null)
        {
            json.WriteNull("rope_scaling");
            return;
        }

        json.WriteStartObject("rope_scaling");
        switch (scaling)
        {
            case LinearRopeScaling linear:
                WriteFloat(json, "factor", linear.Factor);
                json.WriteString("rope_type", "linear");
                break;
            case Llama3RopeScaling llama3:
                WriteFloat(json, "factor", llama3.Factor);
                WriteFloat(json, "high_freq_factor", llama3.HighFreqFactor);
                WriteFloat(json, "low_freq_factor", llama3.LowFreqFactor);
                json.WriteNumber("original_max_position_embeddings", llama3.OriginalMaxPositionEmbeddings);
                json.WriteString("rope_type", "llama3");
                break;
            default:
                throw new ArgumentException($"Rotary scaling {scaling.GetType().Name} has no form in config.json.");
        }

        json.WriteEndObject();
    }

    /// <summary>Of families that have none, nothing; of the others always, because an absent key means their default.</summary>
    private static void WriteSlidingWindow(Utf8JsonWriter json, LlamaConfig config)
    {
        if (config.Family.DefaultSlidingWindow is null) return;
        if (config.Family.SwitchesSlidingWindow)
        {
            json.WriteNumber("max_window_layers", config.SlidingWindow is null ? config.NumHiddenLayers : 0);
            json.WriteBoolean("use_sliding_window", config.SlidingWindow is not null);
        }

        if (config.SlidingWindow is { } window) json.WriteNumber("sliding_window", window);
        else json.WriteNull("sliding_window");
    }

    /// <summary>Whole numbers get a ".0": Python readers tell integers and floats apart.</summary>
    private static void WriteFloat(Utf8JsonWriter json, string key, double value)
    {
        json.WritePropertyName(key);
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        json.WriteRawValue(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0");
    }

    private static void WriteTokenIds(Utf8JsonWriter json, LlamaConfig config)
    {
        if (config.BosTokenId is { } bos) json.WriteNumber("bos_token_id", bos);
        else json.WriteNull("bos_token_id");
        if (config.EosTokenIds.Count == 1)
        {
            json.WriteNumber("eos_token_id", config.EosTokenIds[0]);
            return;
        }

        json.WriteStartArray("eos_token_id");
        foreach (var id in config.EosTokenIds) json.WriteNumberValue(id);
        json.WriteEndArray();
    }
}
