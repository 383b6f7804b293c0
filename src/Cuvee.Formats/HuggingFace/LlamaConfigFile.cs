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
    private const int DefaultMaxWindowLayers = 28;

    public static LlamaConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            throw new BadInputException($"{path}: the file is missing; name the folder of a Hugging Face model.");
        using var json = JsonFile.Read(path, Kind);
        var file = json.Root;
        var family = ReadFamily(file);
        var vocabulary = file["vocab_size"].Integer(1);
        var (hidden, intermediate) = (file["hidden_size"].Integer(1), file["intermediate_size"].Integer(1));
        var heads = file["num_attention_heads"].Integer(1);
        if (family != DecoderFamily.Llama && file.Find("num_key_value_heads") is null)
            throw file.Error("num_key_value_heads", "is missing; add it");
        var keyValueHeads = file.Find("num_key_value_heads")?.Integer(1) ?? heads;
        if (heads % keyValueHeads != 0)
            throw file.Error("num_key_value_heads", $"is {keyValueHeads}, no divisor of num_attention_heads {heads}; correct it");
        var headDim = ReadHeadDim(file, family, hidden, heads);
        foreach (var (field, width) in (ReadOnlySpan<(string, long)>)
            [("vocab_size", vocabulary), ("intermediate_size", intermediate), ("num_attention_heads", (long)heads * headDim)])
        {
            if (width * hidden > Array.MaxLength)
                throw file.Error(field, $"makes a tensor of over {Array.MaxLength} values; use a smaller model");
        }

        var (layers, context) = (file["num_hidden_layers"].Integer(1, MaxLayers), file["max_position_embeddings"].Integer(1));
        var (theta, scaling) = ReadRope(file);
        return new LlamaConfig
        {
            Family = family,
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            VocabSize = vocabulary,
            MaxPositionEmbeddings = context,
            RmsNormEps = Positive(file, "rms_norm_eps", file.Find("rms_norm_eps")?.Number() ?? DefaultRmsNormEps),
            RopeTheta = theta,
            RopeScaling = scaling,
            SlidingWindow = ReadSlidingWindow(file, family, layers, context),
            AttentionBias = file.Find("attention_bias")?.Boolean() ?? false,
            MlpBias = file.Find("mlp_bias")?.Boolean() ?? false,
            TieWordEmbeddings = TiesHead(file),
            BosTokenId = file.Find("bos_token_id")?.Integer(0, vocabulary - 1),
            EosTokenIds = ReadEosTokenIds(folder, file, vocabulary),
            TorchDtype = file.Find("torch_dtype")?.Text() ?? file.Find("dtype")?.Text(),
        };
    }

    public static bool TiesHead(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return false;
        using var json = JsonFile.Read(path, Kind);
        return TiesHead(json.Root);
    }

    private static bool TiesHead(JsonField file) => file.Find("tie_word_embeddings")?.Boolean() ?? false;

    private static DecoderFamily ReadFamily(JsonField file)
    {
        var type = file.Find("model_type")?.Text() ?? throw file.Error("model_type", "is missing; add \"llama\" if the model is one");
        var family = DecoderFamily.All.FirstOrDefault(each => each.ModelType == type)
            ?? throw file.Error("model_type", $"is \"{type}\"; Cuvee's engine computes {DecoderFamily.Names}");
        if (file.Find("architectures") is { } list
            && !(list.IsList && list.Items().ToList() is [{ IsText: true } only] && only.Text() == family.Architecture))
        {
            throw list.Error($"is {list.Shown}, not [\"{family.Architecture}\"]; use a causal language model");
        }

        if (file.Find("quantization_config") is { IsSet: true } quantization)
            throw quantization.Error("is set; use the model's unquantized weights");
        if ((file.Find("hidden_act")?.Text() ?? "silu") is not "silu" and var activation)
            throw file.Error("hidden_act", $"is \"{activation}\"; the engine computes silu only");
        if (file.Find("pretraining_tp")?.Integer(0) > 1)
            throw file.Error("pretraining_tp", "is over 1; set it to 1 if the weights are not split");
        if (file.Find("partial_rotary_factor")?.Number() is { } factor && factor != 1)
            throw file.Error("partial_rotary_factor", $"is {factor}; the engine rotates whole heads only");
        return family;
    }

    private static int ReadHeadDim(JsonField file, DecoderFamily family, int hidden, int heads)
    {
        if ((file.Find("head_dim")?.Integer(1) ?? family.DefaultHeadDim) is not { } headDim)
        {
            if (hidden % heads != 0)
                throw file.Error("num_attention_heads", $"is {heads}, no divisor of hidden_size {hidden}; correct it or add head_dim");
            headDim = hidden / heads;
        }

        return headDim % 2 == 0 ? headDim : throw file.Error("head_dim", $"is {headDim}; rotary embedding needs an even number");
    }

    /// <summary>Null where no layer has a window that hides anything.</summary>
    private static int? ReadSlidingWindow(JsonField file, DecoderFamily family, int layers, int context)
    {
        // Absent means the family's own, null means none; a window as long as the context hides nothing.
        var window = file.Has("sliding_window") ? file.Find("sliding_window")?.Integer(1) : family.DefaultSlidingWindow;
        if (family.SwitchesSlidingWindow)
        {
            if (file.Find("use_sliding_window")?.Boolean() != true) window = null;
            var first = file.Find("max_window_layers")?.Integer(0) ?? DefaultMaxWindowLayers;
            if (first >= layers) window = null; // of the layers from there on
            if (window < context && first > 0)
                throw file.Error("max_window_layers", $"is {first}; the engine has one sliding window for all layers or none");
        }
        else if (family.DefaultSlidingWindow is null)
        {
            window = null; // the family's code does not read the key
        }

        if (window >= context) window = null;
        var type = window is null ? "full_attention" : "sliding_attention";
        foreach (var layer in file.Find("layer_types")?.Items() ?? [])
        {
            if (layer.Text() != type) throw layer.Error($"is {layer.Shown}; every layer of this model must be \"{type}\" for the engine");
        }

        return window;
    }

    /// <summary>rope_theta beside rope_scaling (transformers 4), or both inside rope_parameters (transformers 5).</summary>
    private static (double Theta, RopeScaling? Scaling) ReadRope(JsonField file)
    {
        var theta = file.Find("rope_theta")?.Number();
        RopeScaling? scaling = null;
        foreach (var key in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (file.Find(key) is not { } rope) continue;
            theta = rope.Find("rope_theta")?.Number() ?? theta;
            if (rope.Find("partial_rotary_factor") is { } partial && partial.Number() != 1)
                throw partial.Error($"is {partial.Shown}; the engine rotates whole heads only");
            var type = rope.Find("rope_type") ?? rope.Find("type") ?? throw rope.Error("rope_type", "is missing; add it");
            string[] own;
            (scaling, own) = type.Text() switch
            {
                "default" => ((RopeScaling?)null, (string[])[]),
                "linear" => (new LinearRopeScaling(Positive(rope["factor"])), ["factor"]),
                "llama3" => (Llama3(rope), ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]),
                _ => throw type.Error($"is {type.Shown}; the engine computes default, linear and llama3 rotary embeddings"),
            };
            foreach (var (name, value) in rope.Members())
            {
                if (name is not ("rope_type" or "type" or "rope_theta" or "partial_rotary_factor") && !own.Contains(name))
                    throw value.Error($"is {value.Shown}, which {type.Text()} rotary embeddings do not have; correct it");
            }
        }

        return (theta is null ? DefaultRopeTheta : Positive(file, "rope_theta", theta.Value), scaling);
    }

    private static Llama3RopeScaling Llama3(JsonField rope)
    {
        var (low, high) = (Positive(rope["low_freq_factor"]), rope["high_freq_factor"]);
        if (high.Number() <= low) throw high.Error($"is {high.Shown}, not above low_freq_factor {low}; correct it");
        return new Llama3RopeScaling(
            Positive(rope["factor"]), low, high.Number(), rope["original_max_position_embeddings"].Integer(1));
    }

    private static double Positive(JsonField field) => field.Number() is > 0 and var value
        ? value
        : throw field.Error($"is {field.Shown}, not above 0; correct it");

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
