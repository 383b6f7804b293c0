namespace Cuvee.Formats.HuggingFace;

/// <summary>
/// config.json of a Llama-architecture model, keys in PascalCase, plus the end-of-sequence ids of generation_config.json.
/// </summary>
public sealed record LlamaConfig
{
    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    /// <summary><c>head_dim</c>; HiddenSize / NumAttentionHeads when the key is absent.</summary>
    public required int HeadDim { get; init; }

    public required int VocabSize { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    public double RmsNormEps { get; init; } = 1e-5;

    public double RopeTheta { get; init; } = 10000;

    public bool TieWordEmbeddings { get; init; }

    public int? BosTokenId { get; init; }

    /// <summary>First the id that closes a completion: first of generation_config.json, else config.json.</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    public string? TorchDtype { get; init; }

    /// <summary>Linear modules of one block in Hugging Face order: path below <c>model.layers.N.</c>, [out, in].</summary>
    public IReadOnlyList<(string Path, int OutFeatures, int InFeatures)> LinearModules =>
    [
        ("self_attn.q_proj", NumAttentionHeads * HeadDim, HiddenSize),
        ("self_attn.k_proj", NumKeyValueHeads * HeadDim, HiddenSize),
        ("self_attn.v_proj", NumKeyValueHeads * HeadDim, HiddenSize),
        ("self_attn.o_proj", HiddenSize, NumAttentionHeads * HeadDim),
        ("mlp.gate_proj", IntermediateSize, HiddenSize),
        ("mlp.up_proj", IntermediateSize, HiddenSize),
        ("mlp.down_proj", HiddenSize, IntermediateSize),
    ];
}
