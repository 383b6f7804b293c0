using Cuvee.Formats.HuggingFace;

namespace Cuvee.Formats.Gguf;

/// <summary>llama.cpp's names of a decoder's tensors beside Hugging Face's.</summary>
public static class GgufTensorNames
{
    /// <summary>[headDim / 2] divisors of the rotary frequencies, where llama3 scaling stretches them.</summary>
    public const string RopeFactors = "rope_freqs.weight";

    private const string LayerPrefix = "model.layers.";

    private static readonly (string HuggingFace, string Gguf)[] Whole =
        [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

    private static readonly (string HuggingFace, string Gguf)[] OfLayer =
    [
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];

    /// <summary><c>model.layers.3.self_attn.q_proj</c> to <c>blk.3.attn_q</c>; null for a module that llama.cpp has no name for.</summary>
    public static string? FromModule(string module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (Find(Whole, module) is { } whole) return whole;
        if (!module.StartsWith(LayerPrefix, StringComparison.Ordinal)) return null;
        var rest = module[LayerPrefix.Length..];
        var dot = rest.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && Find(OfLayer, rest[(dot + 1)..]) is { } name ? $"blk.{rest[..dot]}.{name}" : null;
    }

    /// <summary>The other way round.</summary>
    public static string? ToModule(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (FindBack(Whole, name) is { } whole) return whole;
        var parts = name.Split('.');
        return parts is ["blk", var layer, var tensor] && FindBack(OfLayer, tensor) is { } path ? $"{LayerPrefix}{layer}.{path}" : null;
    }

    /// <summary>A tensor of the model, <c>.weight</c> or <c>.bias</c> behind the module.</summary>
    internal static string FromTensor(string name)
    {
        var dot = name.LastIndexOf('.');
        return FromModule(name[..dot]) + name[dot..];
    }

    /// <summary>
    /// Files of Llama's architecture keep the two halves of each query and key head interleaved: row 2 j + p of a head is row p headDim / 2
    /// + j of Hugging Face's. Null where the rows stand as they are.
    /// </summary>
    /// <returns>[out] row of Hugging Face's tensor for each row of the file's.</returns>
    public static int[]? RowsOf(LlamaConfig config, string module)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(module);
        if (config.Family.GgufArchitecture != "llama" || !IsInterleaved(module)) return null;
        var heads = module.EndsWith(".q_proj", StringComparison.Ordinal) ? config.NumAttentionHeads : config.NumKeyValueHeads;
        var (dim, half) = (config.HeadDim, config.HeadDim / 2);
        return [.. Enumerable.Range(0, heads * dim).Select(row => (row / dim * dim) + (row % 2 * half) + (row % dim / 2))];
    }

    /// <summary>Whether the rows of the module are reordered in files of Llama's architecture.</summary>
    internal static bool IsInterleaved(string module) =>
        module.EndsWith(".q_proj", StringComparison.Ordinal) || module.EndsWith(".k_proj", StringComparison.Ordinal);

    /// <returns>[out] row of the file's tensor for each row of Hugging Face's.</returns>
    internal static int[] Invert(int[] rows)
    {
        var inverse = new int[rows.Length];
        for (var row = 0; row < rows.Length; row++) inverse[rows[row]] = row;
        return inverse;
    }

    private static string? Find((string HuggingFace, string Gguf)[] names, string name) =>
        names.FirstOrDefault(pair => pair.HuggingFace == name).Gguf;

    private static string? FindBack((string HuggingFace, string Gguf)[] names, string name) =>
        names.FirstOrDefault(pair => pair.Gguf == name).HuggingFace;
}
