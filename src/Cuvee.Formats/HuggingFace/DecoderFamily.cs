namespace Cuvee.Formats.HuggingFace;

/// <summary>
/// What tells one family of decoders from another beside the numbers of config.json: one entry of <see cref="All"/>. SmolLM2, TinyLlama and
/// Llama 2 to 3.2 are <c>llama</c>.
/// </summary>
public sealed record DecoderFamily
{
    private DecoderFamily(string modelType, string architecture) => (ModelType, Architecture) = (modelType, architecture);

    public static DecoderFamily Llama { get; } = new("llama", "LlamaForCausalLM") { GgufArchitecture = "llama" };

    public static DecoderFamily Mistral { get; } =
        new("mistral", "MistralForCausalLM") { DefaultSlidingWindow = 4096, GgufArchitecture = "llama" };

    /// <summary>Qwen2 and Qwen2.5.</summary>
    public static DecoderFamily Qwen2 { get; } =
        new("qwen2", "Qwen2ForCausalLM")
        {
            HasQkvBias = true,
            DefaultSlidingWindow = 4096,
            SwitchesSlidingWindow = true,
            GgufArchitecture = "qwen2",
        };

    public static DecoderFamily Qwen3 { get; } =
        new("qwen3", "Qwen3ForCausalLM")
        {
            HasQkNorm = true,
            DefaultSlidingWindow = 4096,
            SwitchesSlidingWindow = true,
            DefaultHeadDim = 128,
            GgufArchitecture = "qwen3",
        };

    public static IReadOnlyList<DecoderFamily> All { get; } = [Llama, Mistral, Qwen2, Qwen3];

    /// <summary>Every <c>model_type</c>, for sentences.</summary>
    public static string Names => string.Join(", ", All.Select(family => family.ModelType));

    /// <summary><c>model_type</c> of config.json.</summary>
    public string ModelType { get; }

    /// <summary>The entry of <c>architectures</c>.</summary>
    public string Architecture { get; }

    /// <summary>q, k and v have biases whatever config.json says.</summary>
    public bool HasQkvBias { get; private init; }

    /// <summary>Each head of queries and keys is normalised before it is rotated.</summary>
    public bool HasQkNorm { get; private init; }

    /// <summary><c>sliding_window</c> when the key is absent; null where the family knows none.</summary>
    public int? DefaultSlidingWindow { get; private init; }

    /// <summary><c>sliding_window</c> holds only with <c>use_sliding_window</c>.</summary>
    public bool SwitchesSlidingWindow { get; private init; }

    /// <summary><c>head_dim</c> when the key is absent; null: hidden size over heads.</summary>
    public int? DefaultHeadDim { get; private init; }

    /// <summary><c>general.architecture</c> of llama.cpp's files.</summary>
    public string GgufArchitecture { get; private init; } = "";
}
