using Cuvee.Formats.Json;

namespace Cuvee.Formats.HuggingFace;

/// <summary>config.json and generation_config.json under the rules of what the engine computes.</summary>
internal static class LlamaConfigFile
{
    public const string FileName = "config.json";

    public const string GenerationFileName = "generation_config.json";

    internal static readonly JsonDocumentKind Kind = new("a model's configuration", MaxBytes: 64 << 20, MaxDepth: 64, "correct it");

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
            throw new BadInputException($"{path}: the file is missing; name the folder of a Hugging Face model.");
        using var json = JsonFile.Read(path, Kind);
        var file = json.Root;
        CheckArchitecture(file);
        var vocabulary = file["vocab_size"].Integer(1);
        var (hidden, intermediate) = (file["hidden_size"].Integer(1), file["intermediate_size"].Integer(1));
        var heads = file["num_attention_heads"].Integer(1);
        var keyValueHeads = file.Find("num_key_value_heads")?.Integer(1) ?? heads;
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
            NumHiddenLayers = file["num_hidden_layers"].Integer(1, MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            VocabSize = vocabulary,
            MaxPositionEmbeddings = file["max_position_embeddings"].Integer(1),
            RmsNormEps = Positive(file, "rms_norm_eps", file.Find("rms_norm_eps")?.Number() ?? DefaultRmsNormEps),
            RopeTheta = ReadRopeTheta(file),
            TieWordEmbeddings = file.Find("tie_word_embeddings")?.Boolean() ?? false,
            BosTokenId = file.Find("bos_token_id")?.Integer(0, vocabulary - 1),
            EosTokenIds = ReadEosTokenIds(folder, file, vocabulary),
            TorchDtype = file.Find("torch_dtype")?.Text() ?? file.Find("dtype")?.Text(),
        };
        CheckSlidingWindow(file, config.MaxPositionEmbeddings);
        return config;
    }

    private static bool IsMistral(JsonField file) => file.Find("model_type")?.Text() == "mistral";

    private static void CheckArchitecture(JsonField file)
    {
        var type = file.Find("model_type")?.Text() ?? throw file.Error("model_type", "is missing; add \"llama\" if the model is one");
        var architecture = type switch
        {
            "llama" => "LlamaForCausalLM",
            "mistral" => "MistralForCausalLM",
            _ => throw file.Error("model_type", $"is \"{type}\"; Cuvee's engine computes llama and mistral without a sliding window"),
        };
        if (file.Find("architectures") is { } list
            && !(list.IsList && list.Items().ToList() is [{ IsText: true } only] && only.Text() == architecture))
        {
            throw list.Error($"is {list.Shown}, not [\"{architecture}\"]; use a causal language model");
        }

        foreach (var key in (ReadOnlySpan<string>)["attention_bias", "mlp_bias"])
        {
            if (file.Find(key)?.Boolean() == true) throw file.Error(key, "is true, but the engine has no biases; use a model without them");
        }

        if (file.Find("quantization_config") is { IsSet: true } quantization)
            throw quantization.Error("is set; use the model's unquantized weights");
        if ((file.Find("hidden_act")?.Text() ?? "silu") is not "silu" and var activation)
            throw file.Error("hidden_act", $"is \"{activation}\"; the engine computes silu only");
        if (file.Find("pretraining_tp")?.Integer(0) > 1)
            throw file.Error("pretraining_tp", "is over 1; set it to 1 if the weights are not split");
        if (file.Find("partial_rotary_factor")?.Number() is { } factor && factor != 1)
            throw file.Error("partial_rotary_factor", $"is {factor}; the engine rotates whole heads only");
    }

    private static int ReadHeadDim(JsonField file, int hidden, int heads)
    {
        if (file.Find("head_dim")?.Integer(1) is not { } headDim)
        {
            if (hidden % heads != 0)
                throw file.Error("num_attention_heads", $"is {heads}, no divisor of hidden_size {hidden}; correct it or add head_dim");
            headDim = hidden / heads;
        }

        return headDim % 2 == 0 ? headDim : throw file.Error("head_dim", $"is {headDim}; rotary embedding needs an even number");
    }

    private static void CheckSlidingWindow(JsonField file, int context)
    {
        if (!IsMistral(file)) return;
        // Absent means 4096, null means none; a window as long as the context hides nothing.
        var window = file.Has("sliding_window")
            ? file.Find("sliding_window")?.Integer(1)
            : MistralDefaultSlidingWindow;
        if (window < context)
            throw file.Error("sliding_window", $"is {window}, below max_position_embeddings {context}; set max_position_embeddings to " +
                $"{window} to use that much");
        if (file.Find("num_key_value_heads") is null) throw file.Error("num_key_value_heads", "is missing; add it");
    }

    /// <summary>rope_theta beside rope_scaling (transformers 4), or both inside rope_parameters (transformers 5).</summary>
    private static double ReadRopeTheta(JsonField file)
    {
        var theta = file.Find("rope_theta")?.Number();
        foreach (var key in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (file.Find(key) is not { } rope) continue;
            foreach (var (name, value) in rope.Members())
            {
                switch (name)
                {
                    case "rope_type" or "type" when value.IsText && value.Text() == "default":
                        break;
                    case "rope_theta":
                        theta = value.Number();
                        break;
                    case "partial_rotary_factor" when value.Number() == 1:
                        break;
                    default:
                        throw value.Error($"is {value.Shown}; the engine computes unscaled rotary embeddings only");
                }
            }
        }

        return Positive(file, "rope_theta", theta ?? DefaultRopeTheta);
    }

    private static double Positive(JsonField file, string key, double value) =>
        value > 0 ? value : throw file.Error(key, $"is {value}, not above 0; correct it");

    private static List<int> ReadEosTokenIds(string folder, JsonField config, int vocabulary)
    {
        const string key = "eos_token_id";
        var generationPath = Path.Combine(folder, GenerationFileName);
        if (File.Exists(generationPath))
        {
            using var generation = JsonFile.Read(generationPath, Kind);
            if (generation.Root.Find(key) is { } value) return ToIds(value);
        }

        return config.Find(key) is { } own ? ToIds(own) : throw config.Error(key, "is missing; add the id that ends a completion");

        List<int> ToIds(JsonField value)
        {
            if (!value.IsList) return [value.Integer(0, vocabulary - 1)];
            List<int> ids = [.. value.Items().Select(id => id.Integer(0, vocabulary - 1))];
            return ids.Count > 0 ? ids : throw value.Error("is an empty list; add the id that ends a completion");
        }
    }
}
