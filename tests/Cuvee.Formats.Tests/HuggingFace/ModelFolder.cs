using System.Text.Json.Nodes;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.HuggingFace;

/// <summary>A Hugging Face folder of a valid one-layer model, to be changed by a test before it is read.</summary>
internal sealed class ModelFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public string File(string name) => _folder.File(name);

    /// <summary>2 heads of 4, 1 key-value head, hidden 6 (so that head_dim is not hidden / heads).</summary>
    public JsonObject Config { get; } = JsonNode.Parse(
        """
        {
          "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
          "head_dim": 4, "hidden_act": "silu", "hidden_size": 6, "initializer_range": 0.02, "intermediate_size": 5,
          "max_position_embeddings": 64, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 2, "num_hidden_layers": 1,
          "num_key_value_heads": 1, "pretraining_tp": 1, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 50000.0,
          "tie_word_embeddings": false, "torch_dtype": "float32", "transformers_version": "4.57.0", "use_cache": true, "vocab_size": 7
        }
        """)!.AsObject();

    public string? GenerationConfig { get; set; }

    /// <summary>Names and shapes written out, not taken from the code under test.</summary>
    public Dictionary<string, int[]> Shapes { get; } = new()
    {
        ["model.embed_tokens.weight"] = [7, 6],
        ["model.layers.0.input_layernorm.weight"] = [6],
        ["model.layers.0.self_attn.q_proj.weight"] = [8, 6],
        ["model.layers.0.self_attn.k_proj.weight"] = [4, 6],
        ["model.layers.0.self_attn.v_proj.weight"] = [4, 6],
        ["model.layers.0.self_attn.o_proj.weight"] = [6, 8],
        ["model.layers.0.post_attention_layernorm.weight"] = [6],
        ["model.layers.0.mlp.gate_proj.weight"] = [5, 6],
        ["model.layers.0.mlp.up_proj.weight"] = [5, 6],
        ["model.layers.0.mlp.down_proj.weight"] = [6, 5],
        ["model.norm.weight"] = [6],
        ["lm_head.weight"] = [7, 6],
    };

    public TensorData Tensor(string name)
    {
        var shape = Shapes[name];
        var seed = name.Sum(character => character);
        return new TensorData(name, shape, [.. Enumerable.Range(seed, shape.Aggregate(1, (a, b) => a * b)).Select(i => (i % 13) * 0.25f)]);
    }

    public IEnumerable<TensorData> Tensors => Shapes.Keys.Select(Tensor);

    public ModelFolder SaveConfig()
    {
        System.IO.File.WriteAllText(File("config.json"), Config.ToJsonString());
        if (GenerationConfig is not null) System.IO.File.WriteAllText(File("generation_config.json"), GenerationConfig);
        return this;
    }

    public ModelFolder Save()
    {
        SaveWeights("model.safetensors", Tensors);
        return SaveConfig();
    }

    public void SaveWeights(string name, IEnumerable<TensorData> tensors) => SafetensorsWriter.Write(File(name), tensors, TensorType.F32);

    public IReadOnlyDictionary<string, StoredMatrix> Read() =>
        HuggingFaceModelReader.ReadWeights(Path, HuggingFaceModelReader.ReadConfig(Path));

    public void Dispose() => _folder.Dispose();
}
