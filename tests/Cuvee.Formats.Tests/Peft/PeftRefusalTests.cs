using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Peft;

/// <summary>Each refusal is one sentence that names the file and the field or tensor.</summary>
public sealed class PeftRefusalTests : IDisposable
{
    private const string Stem = "base_model.model." + AdapterFolder.Module;

    private readonly AdapterFolder _folder = new();

    [Theory]
    [InlineData("peft_type", "\"IA3\"")]
    [InlineData("peft_type", "null")]
    [InlineData("use_dora", "1")]
    [InlineData("ensure_weight_tying", "true")]
    [InlineData("bias", "\"all\"")]
    [InlineData("bias", "\"lora_only\"")]
    [InlineData("lora_bias", "true")]
    [InlineData("modules_to_save", "[\"lm_head\"]")]
    [InlineData("trainable_token_indices", "[1, 2]")]
    [InlineData("trainable_token_indices", "{\"embed_tokens\": [0]}")]
    [InlineData("alora_invocation_tokens", "[5]")]
    [InlineData("target_parameters", "[\"experts.gate_up_proj\"]")]
    [InlineData("use_qalora", "true")]
    [InlineData("layer_replication", "[[0, 4], [2, 5]]")]
    [InlineData("megatron_config", "{\"tp\": 2}")]
    [InlineData("arrow_config", "{\"top_k\": 3}")]
    [InlineData("kasa_config", "{\"beta\": 0.1}")]
    [InlineData("use_bdlora", "{\"nblocks\": 2}")]
    [InlineData("monteclora_config", "{\"samples\": 2}")]
    [InlineData("velora_config", "{\"groups\": 2}")]
    [InlineData("r", "0")]
    [InlineData("r", "-8")]
    [InlineData("r", "2.5")]
    [InlineData("r", "\"8\"")]
    [InlineData("r", "null")]
    [InlineData("lora_alpha", "null")]
    [InlineData("lora_alpha", "\"16\"")]
    [InlineData("lora_alpha", "1e999")]
    [InlineData("lora_alpha", "1e300")]
    [InlineData("use_rslora", "1")]
    [InlineData("use_rslora", "\"false\"")]
    [InlineData("rank_pattern", "[1]")]
    [InlineData("rank_pattern", "{\"q_proj\": 0}")]
    [InlineData("alpha_pattern", "{\"q_proj\": \"4\"}")]
    [InlineData("alpha_pattern", "{\"(q_proj\": 4}")]
    [InlineData("init_lora_weights", "3")]
    [InlineData("base_model_name_or_path", "3")]
    public void Read_ConfigField_IsRefusedByName(string key, string value)
    {
        // Text, not a node: 1e999 must arrive as it stands.
        _folder.Config.Remove(key);
        _folder.Save();
        var text = File.ReadAllText(_folder.ConfigPath);
        File.WriteAllText(_folder.ConfigPath, text.Insert(1, $"\"{key}\": {value},"));
        Refuse(_folder.ConfigPath, $"'{key}");
    }

    [Fact]
    public void Read_PatternThatBacktracksWithoutEnd_IsRefused()
    {
        _folder.Config["alpha_pattern"] = JsonNode.Parse("""{"(([a-z0-9._])+)+!": 4}""");
        _folder.Save();
        Refuse(_folder.ConfigPath, "'alpha_pattern'");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("{\"r\": NaN}")]
    [InlineData("{\"r\": 1, \"r\": 2}")]
    public void Read_ConfigNotOneJsonObject_IsRefused(string text)
    {
        _folder.Save();
        File.WriteAllText(_folder.ConfigPath, text);
        Refuse(_folder.ConfigPath, "");
    }

    [Theory]
    [InlineData(Stem + ".base_layer.lora_A.weight", "target_parameters")]
    [InlineData(Stem + ".lora_B.bias", "bias")]
    [InlineData(Stem + ".bias", "bias")]
    [InlineData(Stem + ".lora_diag.weight", "KaSA")]
    [InlineData("base_model.model.lm_head.weight", "full copy")]
    [InlineData("base_model.model.model.embed_tokens.weight", "target_modules")]
    [InlineData("base_model.model.model.layers.0.mlp.experts.base_layer.lora_A.weight", "target_parameters")]
    [InlineData("base_model.model.lora_A.weight", "does not match")]
    [InlineData(Stem + ".lora_C.weight", "does not match")]
    [InlineData(Stem + ".lora_A.a.b.weight", "does not match")]
    [InlineData(Stem + ".lora_A..weight", "does not match")]
    [InlineData(Stem + ".lora_A", "does not match")]
    [InlineData(Stem + ".lora_A.weight2", "does not match")]
    public void Read_ForeignTensor_IsRefusedByName(string name, string reason)
    {
        _folder.Tensors.Add(new TensorData(name, [1, 1], [1]));
        _folder.Save();
        Assert.Contains(reason, Refuse(_folder.TensorPath, $"'{name}'").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ManyForeignTensors_ListsFiveAndCountsTheRest()
    {
        for (var i = 0; i < 8; i++) _folder.Tensors.Add(new TensorData($"x{i}", [1], [1]));
        _folder.Save();
        Refuse(_folder.TensorPath, "(unmatched too: 'x1', 'x2', 'x3', 'x4', 3 more)");
    }

    [Theory]
    [InlineData(0, "lora_A")]
    [InlineData(1, "lora_B")]
    public void Read_MissingPartner_IsNamed(int index, string named)
    {
        _folder.Tensors.RemoveAt(index);
        _folder.Save();
        Refuse(_folder.TensorPath, $"'{Stem}.{named}.weight' is missing");
    }

    [Fact]
    public void Read_TwoAdaptersInOneFile_AreRefused()
    {
        _folder.Tensors.Add(_folder.Tensors[0] with { Name = Stem + ".lora_A.other.weight" });
        _folder.Save();
        Refuse(_folder.TensorPath, "are both factor A");
    }

    [Fact]
    public void Read_RanksOfAAndBDiffer_IsRefused()
    {
        _folder.Tensors[1] = new TensorData(Stem + ".lora_B.weight", [4, 3], new float[12]);
        _folder.Save();
        Refuse(_folder.TensorPath, "lora_A [2, 3] and lora_B [4, 3]");
    }

    [Theory]
    [InlineData(new[] { 2, 3, 1, 1 }, 6)]
    [InlineData(new[] { 6 }, 6)]
    [InlineData(new[] { 0, 3 }, 0)]
    public void Read_FactorNotAMatrix_IsRefused(int[] shape, int count)
    {
        _folder.Tensors[0] = new TensorData(Stem + ".lora_A.weight", shape, new float[count]);
        _folder.Save();
        Refuse(_folder.TensorPath, "not a filled matrix");
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight", "a weight of its own")]
    [InlineData("base_model.model.wte.lora_embedding_A", "is missing beside its partner")]
    public void Read_CopyOrHalfEmbedding_IsNamed(string name, string named)
    {
        _folder.Tensors.Add(new TensorData(name, [2, 3], new float[6]));
        _folder.Save();
        Refuse(_folder.TensorPath, named);
    }

    [Fact]
    public void Read_OtherEmbedding_IsRefused()
    {
        _folder.Tensors.Add(new TensorData("base_model.model.wte.lora_embedding_A", [2, 3], new float[6]));
        _folder.Tensors.Add(new TensorData("base_model.model.wte.lora_embedding_B", [4, 2], new float[8]));
        _folder.Save();
        Refuse(_folder.TensorPath, "an embedding other than model.embed_tokens");
    }

    [Theory]
    [InlineData(null, "no lora_magnitude_vector")]
    [InlineData(new[] { 3 }, "not one number for each of 4 rows")]
    public void Read_DoraWithoutFittingMagnitudes_IsRefused(int[]? shape, string named)
    {
        _folder.Config["use_dora"] = true;
        if (shape is not null) _folder.Tensors.Add(new TensorData(Stem + ".lora_magnitude_vector", shape, new float[shape[0]]));
        _folder.Save();
        Refuse(_folder.TensorPath, named);
    }

    [Fact]
    public void Read_NoTensors_IsRefused()
    {
        _folder.Tensors.Clear();
        _folder.Save();
        Refuse(_folder.TensorPath, "no LoRA tensors");
    }

    [Fact]
    public void Read_NaN_NamesTensorAndIndex()
    {
        _folder.Save();
        var bytes = File.ReadAllBytes(_folder.TensorPath);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN);
        File.WriteAllBytes(_folder.TensorPath, bytes);
        var e = Refuse(_folder.TensorPath, "lora_B.weight' holds NaN or infinity at index 7");
        Assert.IsType<SafetensorsFormatException>(e);
    }

    [Fact]
    public void Read_CutTensorFile_IsRefused()
    {
        _folder.Save();
        File.WriteAllBytes(_folder.TensorPath, File.ReadAllBytes(_folder.TensorPath)[..^1]);
        Refuse(_folder.TensorPath, "cut");
    }

    [Fact]
    public void Read_MissingFiles_AreNamed()
    {
        Refuse(_folder.ConfigPath, "missing");
        _folder.Save();
        File.Delete(_folder.TensorPath);
        Refuse(_folder.TensorPath, "missing");
        File.WriteAllBytes(Path.Combine(_folder.Path, "adapter_model.bin"), [0x80]);
        Refuse(_folder.Path, "pickle");
        var nowhere = Path.Combine(_folder.Path, "nowhere");
        Assert.StartsWith(nowhere, Assert.ThrowsAny<BadInputException>(() => PeftReader.Read(nowhere)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private BadInputException Refuse(string path, string named)
    {
        var e = Assert.ThrowsAny<BadInputException>(() => PeftReader.Read(_folder.Path));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        return e;
    }
}
