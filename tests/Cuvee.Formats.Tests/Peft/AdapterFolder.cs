using System.Text.Json.Nodes;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Peft;

/// <summary>A PEFT folder of one valid module, to be changed by a test before it is read.</summary>
internal sealed class AdapterFolder : IDisposable
{
    public const string Module = "model.layers.0.self_attn.q_proj";

    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public string ConfigPath => _folder.File("adapter_config.json");

    public string TensorPath => _folder.File("adapter_model.safetensors");

    /// <summary>What PEFT 0.17 saves for a plain LoRA, defaults included.</summary>
    public JsonObject Config { get; } = JsonNode.Parse(
        """
        {
          "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "acme/base", "bias": "none", "corda_config": null,
          "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
          "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 16,
          "lora_bias": false, "lora_dropout": 0.05, "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null,
          "peft_type": "LORA", "qalora_group_size": 16, "r": 2, "rank_pattern": {}, "revision": "main", "target_modules": ["q_proj"],
          "target_parameters": null, "task_type": "CAUSAL_LM", "trainable_token_indices": null, "use_dora": false, "use_qalora": false,
          "use_rslora": false
        }
        """)!.AsObject();

    /// <summary>On-disk names; A is [2, 3], B is [4, 2].</summary>
    public List<TensorData> Tensors { get; } =
    [
        new($"base_model.model.{Module}.lora_A.weight", [2, 3], [1, 2, 3, 4, 5, 6]),
        new($"base_model.model.{Module}.lora_B.weight", [4, 2], [1, 0, 0, 1, 2, 0, 0, -2]),
    ];

    public AdapterFolder Add(string module, int rank, int inFeatures = 3, int outFeatures = 4)
    {
        float[] Values(int count, int shift) => [.. Enumerable.Range(shift, count).Select(i => (i % 7) - 3f)];
        Tensors.Add(new TensorData($"base_model.model.{module}.lora_A.weight", [rank, inFeatures], Values(rank * inFeatures, 1)));
        Tensors.Add(new TensorData($"base_model.model.{module}.lora_B.weight", [outFeatures, rank], Values(outFeatures * rank, 4)));
        return this;
    }

    /// <param name="stem">Of all tensors, in place of base_model.model and the module.</param>
    public void Rename(string stem)
    {
        for (var i = 0; i < Tensors.Count; i++)
            Tensors[i] = Tensors[i] with { Name = Tensors[i].Name.Replace($"base_model.model.{Module}", stem, StringComparison.Ordinal) };
    }

    public AdapterFolder Save()
    {
        File.WriteAllText(ConfigPath, Config.ToJsonString());
        SafetensorsWriter.Write(TensorPath, Tensors, TensorType.F32);
        return this;
    }

    public void Dispose() => _folder.Dispose();
}
