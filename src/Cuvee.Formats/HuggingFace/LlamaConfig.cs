namespace Cuvee.Formats.HuggingFace;

/// <summary>
/// config.json of a decoder that the engine computes (<see cref="DecoderFamily"/>), keys in PascalCase, plus the end-of-sequence ids of
/// generation_config.json. Llama's block is the common ground: RMS norms, rotary positions, grouped queries, SwiGLU.
/// </summary>
public sealed record LlamaConfig
{
    public DecoderFamily Family { get; init; } = DecoderFamily.Llama;

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    /// <summary><c>head_dim</c>; when the key is absent the family's (<see cref="DecoderFamily.DefaultHeadDim"/>), else HiddenSize /
    /// NumAttentionHeads.</summary>
    public required int HeadDim { get; init; }

    public required int VocabSize { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    public double RmsNormEps { get; init; } = 1e-5;

    public double RopeTheta { get; init; } = 10000;

    /// <summary>Null: positions turn as they are.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>A token sees itself and at most this many tokens less one before it; null: all.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary><c>attention_bias</c>: q, k, v and o have biases. Qwen2's own, on q, k and v, follow from its family.</summary>
    public bool AttentionBias { get; init; }

    /// <summary><c>mlp_bias</c>: gate, up and down have biases.</summary>
    public bool MlpBias { get; init; }

    public bool TieWordEmbeddings { get; init; }

    public int? BosTokenId { get; init; }

    /// <summary>First the id that closes a completion: first of generation_config.json, else config.json.</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    public string? TorchDtype { get; init; }

    /// <summary>Linear modules of one block in Hugging Face order.</summary>
    public IReadOnlyList<LinearModule> LinearModules =>
    [
        new("self_attn.q_proj", NumAttentionHeads * HeadDim, HiddenSize, AttentionBias || Family.HasQkvBias),
        new("self_attn.k_proj", NumKeyValueHeads * HeadDim, HiddenSize, AttentionBias || Family.HasQkvBias),
        new("self_attn.v_proj", NumKeyValueHeads * HeadDim, HiddenSize, AttentionBias || Family.HasQkvBias),
        new("self_attn.o_proj", HiddenSize, NumAttentionHeads * HeadDim, AttentionBias),
        new("mlp.gate_proj", IntermediateSize, HiddenSize, MlpBias),
        new("mlp.up_proj", IntermediateSize, HiddenSize, MlpBias),
        new("mlp.down_proj", HiddenSize, IntermediateSize, MlpBias),
    ];

    /// <summary>Norms of one block: path below <c>model.layers.N.</c> and length.</summary>
    public IReadOnlyList<(string Path, int Length)> Norms =>
    [
        ("input_layernorm", HiddenSize),
        ("post_attention_layernorm", HiddenSize),
        .. Family.HasQkNorm ? ((string, int)[])[("self_attn.q_norm", HeadDim), ("self_attn.k_norm", HeadDim)] : [],
    ];
}

/// <param name="Path">Below <c>model.layers.N.</c>, such as <c>self_attn.q_proj</c>; its weight is [out, in], its bias [out].</param>
public readonly record struct LinearModule(string Path, int OutFeatures, int InFeatures, bool HasBias)
{
    public void Deconstruct(out string path, out int outFeatures, out int inFeatures) =>
        (path, outFeatures, inFeatures) = (Path, OutFeatures, InFeatures);
}
