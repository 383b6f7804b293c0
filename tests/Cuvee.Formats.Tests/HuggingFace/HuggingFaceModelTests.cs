using System.Text.Json.Nodes;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.HuggingFace;

public sealed class HuggingFaceModelTests : IDisposable
{
    private readonly ModelFolder _folder = new();

    [Fact]
    public void ReadWeights_SingleFile_ReturnsEveryTensor()
    {
        var weights = _folder.Save().Read();
        Assert.Equal(_folder.Shapes.Keys.Order(), weights.Keys.Order());
        foreach (var (name, tensor) in weights)
        {
            var shape = _folder.Shapes[name];
            Assert.Equal((shape.Length == 1 ? 1 : shape[0], shape[^1]), (tensor.Rows, tensor.Columns)); // vectors as one row
            Assert.Equal(_folder.Tensor(name).Values, tensor.ToSingles());
        }
    }

    [Fact]
    public void ReadWeights_Shards_ReturnsEveryTensor()
    {
        SaveShards();
        Assert.Equal(_folder.Shapes.Keys.Order(), _folder.SaveConfig().Read().Keys.Order());
    }

    [Theory]
    [InlineData(168, 10)] // the embedding alone, two norms beside a matrix of the MLP, and q_proj and o_proj although they are larger
    [InlineData(1, 12)]
    [InlineData(10_000, 1)]
    public void Write_MaxShardBytes_ShardsHoldNoMoreThanThatOrOneTensorAndReadBack(long maxBytes, int expected)
    {
        var config = HuggingFaceModelReader.ReadConfig(_folder.Save().Path);
        HuggingFaceModelWriter.Write(
            _folder.Path, config, _folder.Tensors.Select(tensor => tensor.ToSource()), TensorType.F32, maxBytes);

        var files = Directory.GetFiles(_folder.Path, "*.safetensors").Select(Path.GetFileName).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(
            expected == 1
                ? ["model.safetensors"]
                : Enumerable.Range(1, expected).Select(i => $"model-{i:D5}-of-{expected:D5}.safetensors"), files);
        foreach (var file in files)
        {
            using var shard = SafetensorsReader.Open(_folder.File(file!));
            Assert.True(shard.Entries.Count == 1 || shard.Entries.Values.Sum(entry => entry.Count * 4) <= maxBytes);
        }

        var weights = _folder.Read();
        foreach (var tensor in _folder.Tensors) Assert.Equal(tensor.Values, weights[tensor.Name].ToSingles());
        if (expected == 1)
        {
            Assert.False(File.Exists(_folder.File("model.safetensors.index.json")));
            return;
        }

        var index = JsonNode.Parse(File.ReadAllText(_folder.File("model.safetensors.index.json")))!;
        Assert.Equal(_folder.Tensors.Sum(tensor => tensor.Values.Length * 4), (int)index["metadata"]!["total_size"]!);
        HuggingFaceModelWriter.Write(_folder.Path, config, _folder.Tensors, TensorType.F32);
        Assert.False(File.Exists(_folder.File("model.safetensors.index.json")));
    }

    [Fact]
    public void ReadWeights_ShardMissing_IsRefused()
    {
        SaveShards();
        File.Delete(_folder.File("model-00002-of-00002.safetensors"));
        Refuse("model-00002-of-00002.safetensors: the file is missing");
    }

    [Fact]
    public void ReadWeights_ShardWithoutListedTensor_IsRefused()
    {
        SaveShards(index => index.Remove("model.norm.weight"));
        Refuse("'model.norm.weight' is not listed");
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("a\\\\b.safetensors")]
    [InlineData("pytorch_model.bin")]
    public void ReadWeights_ShardOutsideOfTheFolder_IsRefused(string shard)
    {
        SaveShards(index => index["model.norm.weight"] = shard);
        Refuse("'weight_map.model.norm.weight'");
    }

    [Fact]
    public void ReadWeights_MissingTensors_AreNamedAndCounted()
    {
        foreach (var name in _folder.Shapes.Keys.Where(name => name.StartsWith("model.layers", StringComparison.Ordinal)).ToArray())
            _folder.Shapes.Remove(name);
        _folder.Save();
        var message = Refuse("are missing");
        Assert.Contains("'model.layers.0.input_layernorm.weight'", message, StringComparison.Ordinal);
        Assert.Contains("and 4 more", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj.bias")]
    [InlineData("model.layers.1.input_layernorm.weight")]
    public void ReadWeights_UnexpectedTensor_IsNamed(string name)
    {
        _folder.Shapes[name] = [8];
        _folder.Save();
        Refuse($"'{name}' are unexpected");
    }

    [Fact]
    public void ReadWeights_RotaryBuffer_IsSkipped()
    {
        _folder.Shapes["model.layers.0.self_attn.rotary_emb.inv_freq"] = [2];
        Assert.Equal(12, _folder.Save().Read().Count);
    }

    [Theory]
    [InlineData("model.embed_tokens.weight", new[] { 6, 7 })]
    [InlineData("model.layers.0.self_attn.k_proj.weight", new[] { 8, 6 })]
    [InlineData("model.norm.weight", new[] { 6, 1 })]
    public void ReadWeights_OtherShape_IsNamed(string name, int[] shape)
    {
        _folder.Shapes[name] = shape;
        _folder.Save();
        Refuse($"'{name}' has shape [{shape[0]}, {shape[1]}]");
    }

    [Fact]
    public void ReadWeights_Tied_NeedsNoHead()
    {
        _folder.Config["tie_word_embeddings"] = true;
        _folder.Shapes.Remove("lm_head.weight");
        Assert.DoesNotContain("lm_head.weight", _folder.Save().Read().Keys);
    }

    [Fact]
    public void ReadWeights_TiedWithHead_IsAcceptedOnlyWhenEqual()
    {
        _folder.Config["tie_word_embeddings"] = true;
        _folder.Save();
        Refuse("'tie_word_embeddings'");
        var equal = _folder.Tensor("model.embed_tokens.weight") with { Name = "lm_head.weight" };
        _folder.SaveWeights("model.safetensors", [.. _folder.Tensors.Where(tensor => tensor.Name != equal.Name), equal]);
        Assert.Equal(11, _folder.Read().Count);
        _folder.SaveWeights(
            "model.safetensors", [.. _folder.Tensors.Where(tensor => tensor.Name != equal.Name), equal with { Shape = [6, 7] }]);
        Refuse("'lm_head.weight' has shape [6, 7]");
    }

    [Fact]
    public void ReadWeights_PickleOnly_IsRefused()
    {
        File.WriteAllBytes(_folder.SaveConfig().File("pytorch_model.bin"), [0x80]);
        Refuse("pickle");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WriteThenRead_GivesTheModelBack(bool tied)
    {
        var config = new LlamaConfig
        {
            HiddenSize = 6,
            IntermediateSize = 5,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 4,
            VocabSize = 7,
            MaxPositionEmbeddings = 64,
            RmsNormEps = 1e-5,
            RopeTheta = 10000,
            TieWordEmbeddings = tied,
            BosTokenId = tied ? null : 1,
            EosTokenIds = [2, 3],
        };
        var tensors = _folder.Tensors.Where(tensor => !tied || tensor.Name != "lm_head.weight").ToArray();
        HuggingFaceModelWriter.Write(_folder.Path, config, tensors, TensorType.BF16);
        var read = HuggingFaceModelReader.ReadConfig(_folder.Path);
        Assert.Equal(config with { TorchDtype = "bfloat16", EosTokenIds = read.EosTokenIds }, read);
        Assert.Equal([2, 3], read.EosTokenIds);
        var weights = HuggingFaceModelReader.ReadWeights(_folder.Path, read);
        // Multiples of 0.25 up to 3 are exact in bfloat16.
        foreach (var tensor in tensors) Assert.Equal(tensor.Values, weights[tensor.Name].ToSingles());
        Assert.Equal(tensors.Length, weights.Count);
        var first = Directory.GetFiles(_folder.Path).Order().Select(File.ReadAllBytes).ToArray();
        HuggingFaceModelWriter.Write(_folder.Path, config, tensors.Reverse(), TensorType.BF16);
        Assert.Equal(first, Directory.GetFiles(_folder.Path).Order().Select(File.ReadAllBytes));
    }

    [Fact]
    public void Write_Config_HasTheKeysThatTransformersReads()
    {
        var config = HuggingFaceModelReader.ReadConfig(_folder.SaveConfig().Path);
        HuggingFaceModelWriter.Write(_folder.Path, config, _folder.Tensors, TensorType.F32);
        var text = File.ReadAllText(_folder.File("config.json"));
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse(
                """
                {
                  "architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 1, "eos_token_id": 2, "head_dim": 4,
                  "hidden_act": "silu", "hidden_size": 6, "intermediate_size": 5, "max_position_embeddings": 64, "mlp_bias": false,
                  "model_type": "llama", "num_attention_heads": 2, "num_hidden_layers": 1, "num_key_value_heads": 1, "rms_norm_eps": 1e-06,
                  "rope_scaling": null, "rope_theta": 50000.0, "tie_word_embeddings": false, "torch_dtype": "float32", "vocab_size": 7
                }
                """),
            JsonNode.Parse(text)),
            text);
        Assert.Contains("\"rope_theta\": 50000.0,", text, StringComparison.Ordinal);
        Assert.Equal("{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n", File.ReadAllText(_folder.File("generation_config.json")));
    }

    [Fact]
    public void Write_WrongTensors_WritesNothing()
    {
        var config = HuggingFaceModelReader.ReadConfig(_folder.SaveConfig().Path);
        var tensors = _folder.Tensors.ToList();
        string Refused(IEnumerable<TensorData> weights) =>
            Assert.Throws<BadInputException>(
                () => HuggingFaceModelWriter.Write(_folder.File("out"), config, weights, TensorType.F32)).Message;
        Assert.Contains(
            "'lm_head.weight' is missing", Refused(tensors.Where(tensor => tensor.Name != "lm_head.weight")), StringComparison.Ordinal);
        Assert.Contains("'x'", Refused([.. tensors, new TensorData("x", [1], [1])]), StringComparison.Ordinal);
        Assert.Contains("comes twice", Refused([.. tensors, tensors[0]]), StringComparison.Ordinal);
        Assert.Contains("has shape [42]", Refused([.. tensors.Skip(1), tensors[0] with { Shape = [42] }]), StringComparison.Ordinal);
        Assert.Contains("no end-of-sequence id", Assert.Throws<BadInputException>(() => HuggingFaceModelWriter.Write(
            _folder.File("out"), config with { EosTokenIds = [] }, tensors, TensorType.F32)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("out")));
    }

    public void Dispose() => _folder.Dispose();

    private void SaveShards(Action<JsonObject>? change = null)
    {
        var map = new JsonObject();
        var halves = _folder.Tensors.Chunk(6).ToArray();
        for (var i = 0; i < halves.Length; i++)
        {
            var shard = $"model-0000{i + 1}-of-00002.safetensors";
            _folder.SaveWeights(shard, halves[i]);
            foreach (var tensor in halves[i]) map[tensor.Name] = shard;
        }

        change?.Invoke(map);
        File.WriteAllText(
            _folder.File("model.safetensors.index.json"),
            new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
    }

    private string Refuse(string named)
    {
        var e = Assert.Throws<BadInputException>(() => _folder.SaveConfig().Read());
        Assert.StartsWith(_folder.Path, e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        return e.Message;
    }
}
