using System.Text.Json;
using Cuvee.Formats.Json;

namespace Cuvee.Formats.HuggingFace;

/// <summary>config.json and generation_config.json under the rules of what the engine computes.</summary>
internal static class LlamaConfigFile
{
    public const string FileName = "config.json";

    public const string GenerationFileName = "generation_config.json";

    // Far above any model; keeps a hostile file from making endless lists.
    private const int MaxLayers = 10_000;

    // Defaults of the Hugging Face configuration class when the key is absent.
    private const double DefaultRmsNormEps = 1e-6;
    private const double DefaultRopeTheta = 10000;
    private const int MistralDefaultSlidingWindow = 4096;

    public static LlamaConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            throw new HuggingFaceFormatException($"{path}: the file is missing; name the folder of a Hugging Face model.");
        using var file = Open(path);
        CheckArchitecture(file);
        var vocabulary = file.Integer("vocab_size", 1);
        var (hidden, intermediate) = (file.Integer("hidden_size", 1), file.Integer("intermediate_size", 1));
        var heads = file.Integer("num_attention_heads", 1);
        var keyValueHeads = file.OptionalInteger("num_key_value_heads", 1) ?? heads;
        if (heads % keyValueHeads != 0)
            throw file.Error("num_key_value_heads", $"is {keyValueHeads}, no divisor of num_attention_heads {heads}; correct it");
        var headDim = ReadHeadDim(file, hidden, heads);
        foreach (var (field, width) in (ReadOnlySpan<(string, long)>)
            [("vocab_size", vocabulary), ("intermediate_size", intermediate), ("num_attention_heads", (long)heads * headDim)])
        {
            if (width * hidden > Array.MaxLength)
                throw file.Error(field, $"makes a tensor of over {Array.MaxLength} values; use a smaller model");
        }

        var config = new LlamaConfig
        {
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumHiddenLayers = file.Integer("num_hidden_layers", 1, MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            VocabSize = vocabulary,
            MaxPositionEmbeddings = file.Integer("max_position_embeddings", 1),
            RmsNormEps = Positive(file, "rms_norm_eps", file.OptionalNumber("rms_norm_eps") ?? DefaultRmsNormEps),
            RopeTheta = ReadRopeTheta(file),
            TieWordEmbeddings = file.OptionalBoolean("tie_word_embeddings"),
            BosTokenId = file.OptionalInteger("bos_token_id", 0, vocabulary - 1),
            EosTokenIds = ReadEosTokenIds(folder, file, vocabulary),
            TorchDtype = file.OptionalString("torch_dtype") ?? file.OptionalString("dtype"),
        };
        CheckSlidingWindow(file, config.MaxPositionEmbeddings);
        return config;
    }

    private static JsonObjectFile Open(string path) =>
        JsonObjectFile.Open(path, (message, inner) => new HuggingFaceFormatException(message, inner));

    private static bool IsMistral(JsonObjectFile file) => file.OptionalString("model_type") == "mistral";

    private static void CheckArchitecture(JsonObjectFile file)
    {
        var type = file.OptionalString("model_type") ?? throw file.Error("model_type", "is missing; add \"llama\" if the model is one");
        var architecture = type switch
        {
            "llama" => "LlamaForCausalLM",
            "mistral" => "MistralForCausalLM",
            _ => throw file.Error("model_type", $"is \"{type}\"; Cuvee's engine computes llama and mistral without a sliding window"),
        };
        if (file.Find("architectures") is { } list && (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != 1
            || list[0].ValueKind != JsonValueKind.String || file.ToText(list[0], "architectures") != architecture))
        {
            throw file.Error("architectures", $"is {JsonObjectFile.Shown(list)}, not [\"{architecture}\"]; use a causal language model");
        }

        foreach (var key in (ReadOnlySpan<string>)["attention_bias", "mlp_bias"])
        {
            if (file.OptionalBoolean(key)) throw file.Error(key, "is true, but the engine has no biases; use a model without them");
        }

        if (file.IsSet("quantization_config")) throw file.Error("quantization_config", "is set; use the model's unquantized weights");
        if ((file.OptionalString("hidden_act") ?? "silu") is not "silu" and var activation)
            throw file.Error("hidden_act", $"is \"{activation}\"; the engine computes silu only");
        if (file.OptionalInteger("pretraining_tp", 0) > 1)
            throw file.Error("pretraining_tp", "is over 1; set it to 1 if the weights are not split");
        if (file.OptionalNumber("partial_rotary_factor") is { } factor && factor != 1)
            throw file.Error("partial_rotary_factor", $"is {factor}; the engine rotates whole heads only");
    }

    private static int ReadHeadDim(JsonObjectFile file, int hidden, int heads)
    {
        if (file.OptionalInteger("head_dim", 1) is not { } headDim)
        {
            if (hidden % heads != 0)
                throw file.Error("num_attention_heads", $"is {heads}, no divisor of hidden_size {hidden}; correct it or add head_dim");
            headDim = hidden / heads;
        }

        return headDim % 2 == 0 ? headDim : throw file.Error("head_dim", $"is {headDim}; rotary embedding needs an even number");
    }

    private static void CheckSlidingWindow(JsonObjectFile file, int context)
    {
        if (!IsMistral(file)) return;
        // Absent means 4096, null means none; a window as long as the context hides nothing.
        var window = file.Root.TryGetProperty("sliding_window", out _)
            ? file.OptionalInteger("sliding_window", 1)
            : MistralDefaultSlidingWindow;
        if (window < context)
            throw file.Error("sliding_window", $"is {window}, below max_position_embeddings {context}; set max_position_embeddings to " +
                $"{window} to use that much");
        if (file.Find("num_key_value_heads") is null) throw file.Error("num_key_value_heads", "is missing; add it");
    }

    /// <summary>rope_theta beside rope_scaling (transformers 4), or both inside rope_parameters (transformers 5).</summary>
    private static double ReadRopeTheta(JsonObjectFile file)
    {
        var theta = file.OptionalNumber("rope_theta");
        foreach (var key in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (file.Find(key) is not { } rope) continue;
            if (rope.ValueKind != JsonValueKind.Object)
                throw file.Error(key, $"is {JsonObjectFile.Shown(rope)}, not an object; correct it");
            foreach (var property in rope.EnumerateObject())
            {
                var field = $"{key}.{property.Name}";
                switch (property.Name)
                {
                    case "rope_type" or "type" when property.Value.ValueEquals("default"u8):
                        break;
                    case "rope_theta":
                        theta = file.ToNumber(property.Value, field);
                        break;
                    case "partial_rotary_factor" when file.ToNumber(property.Value, field) == 1:
                        break;
                    default:
                        throw file.Error(field, $"is {JsonObjectFile.Shown(property.Value)}; the engine computes unscaled rotary " +
                            "embeddings only");
                }
            }
        }

        return Positive(file, "rope_theta", theta ?? DefaultRopeTheta);
    }

    private static double Positive(JsonObjectFile file, string key, double value) =>
        value > 0 ? value : throw file.Error(key, $"is {value}, not above 0; correct it");

    private static List<int> ReadEosTokenIds(string folder, JsonObjectFile config, int vocabulary)
    {
        const string key = "eos_token_id";
        var generationPath = Path.Combine(folder, GenerationFileName);
        if (File.Exists(generationPath))
        {
            using var generation = Open(generationPath);
            if (generation.Find(key) is { } value) return ToIds(generation, value);
        }

        return config.Find(key) is { } own ? ToIds(config, own) : throw config.Error(key, "is missing; add the id that ends a completion");

        List<int> ToIds(JsonObjectFile file, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Array) return [file.ToInteger(value, key, 0, vocabulary - 1)];
            if (value.GetArrayLength() == 0) throw file.Error(key, "is an empty list; add the id that ends a completion");
            return [.. value.EnumerateArray().Select(id => file.ToInteger(id, key, 0, vocabulary - 1))];
        }
    }
}
