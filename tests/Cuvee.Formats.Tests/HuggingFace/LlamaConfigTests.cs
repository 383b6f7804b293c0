using System.Text.Json.Nodes;
using Cuvee.Formats.HuggingFace;

namespace Cuvee.Formats.Tests.HuggingFace;

public sealed class LlamaConfigTests : IDisposable
{
    private readonly ModelFolder _folder = new();

    [Fact]
    public void ReadConfig_Llama_ReturnsItsValues()
    {
        var config = Read();
        Assert.Equal(
            (6, 5, 1, 2, 1),
            (config.HiddenSize, config.IntermediateSize, config.NumHiddenLayers, config.NumAttentionHeads, config.NumKeyValueHeads));
        Assert.Equal((4, 7, 64), (config.HeadDim, config.VocabSize, config.MaxPositionEmbeddings));
        Assert.Equal((1e-6, 50000.0, false), (config.RmsNormEps, config.RopeTheta, config.TieWordEmbeddings));
        Assert.Equal((1, "float32"), (config.BosTokenId, config.TorchDtype));
        Assert.Equal([2], config.EosTokenIds);
    }

    [Fact]
    public void ReadConfig_AbsentKeys_TakeHuggingFacesDefaults()
    {
        string[] optional =
        [
            "head_dim", "num_key_value_heads", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "bos_token_id", "torch_dtype",
            "architectures",
        ];
        foreach (var key in optional) _folder.Config.Remove(key);
        _folder.Config["hidden_size"] = 8;
        var config = Read();
        Assert.Equal((4, 2), (config.HeadDim, config.NumKeyValueHeads));
        Assert.Equal((1e-6, 10000.0, false), (config.RmsNormEps, config.RopeTheta, config.TieWordEmbeddings));
        Assert.Equal((null, null), (config.BosTokenId, config.TorchDtype));
    }

    [Theory]
    [InlineData("""{"eos_token_id": 5}""", "2", new[] { 5 })]
    [InlineData("""{"eos_token_id": [5, 3]}""", "2", new[] { 5, 3 })]
    [InlineData("""{"eos_token_id": null}""", "2", new[] { 2 })]
    [InlineData("""{"eos_token_id": 5}""", "null", new[] { 5 })]
    [InlineData("{}", "[4, 6]", new[] { 4, 6 })]
    [InlineData(null, "2", new[] { 2 })]
    public void ReadConfig_EosTokenIds_ComeFromGenerationConfigFirst(string? generation, string config, int[] expected)
    {
        _folder.GenerationConfig = generation;
        _folder.Config["eos_token_id"] = JsonNode.Parse(config);
        Assert.Equal(expected, Read().EosTokenIds);
    }

    [Theory]
    [InlineData("""{"eos_token_id": 7}""", "generation_config.json")]
    [InlineData("""{"eos_token_id": []}""", "generation_config.json")]
    [InlineData("""{"eos_token_id": ["2"]}""", "generation_config.json")]
    [InlineData("[]", "generation_config.json")]
    [InlineData(null, "config.json")]
    public void ReadConfig_BadEosTokenIds_AreRefused(string? generation, string file)
    {
        _folder.GenerationConfig = generation;
        _folder.Config["eos_token_id"] = null;
        Assert.StartsWith(_folder.File(file), Assert.Throws<BadInputException>(Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rope_scaling", """{"rope_type": "default"}""", 50000.0)]
    [InlineData("rope_scaling", """{"type": "default"}""", 50000.0)]
    [InlineData("rope_parameters", """{"rope_type": "default", "rope_theta": 1234.5}""", 1234.5)]
    public void ReadConfig_UnscaledRope_IsAccepted(string key, string value, double theta)
    {
        _folder.Config[key] = JsonNode.Parse(value);
        Assert.Equal(theta, Read().RopeTheta);
    }

    [Theory]
    [InlineData("null", null)]
    [InlineData("64", null)] // hides nothing
    [InlineData("63", 63)]
    [InlineData(null, null)] // the default window of 4096 is longer than the context
    public void ReadConfig_Mistral_HonoursItsWindow(string? window, int? expected)
    {
        Become("mistral", "MistralForCausalLM");
        if (window is not null) _folder.Config["sliding_window"] = JsonNode.Parse(window);
        Assert.Equal((DecoderFamily.Mistral, expected), (Read().Family, Read().SlidingWindow));
    }

    [Theory]
    [InlineData(null, 16, 0, null, null)] // not switched on
    [InlineData(false, 16, 0, null, null)]
    [InlineData(true, 16, 0, null, 16)]
    [InlineData(true, 16, 1, null, null)] // for layers that the model does not have
    [InlineData(true, 16, null, null, null)] // from layer 28 on
    [InlineData(true, 16, 0, "sliding_attention", 16)]
    public void ReadConfig_Qwen_WindowOnlyWhereItIsSwitchedOn(bool? use, int window, int? from, string? layer, int? expected)
    {
        Become("qwen2", "Qwen2ForCausalLM");
        if (use is not null) _folder.Config["use_sliding_window"] = use;
        _folder.Config["sliding_window"] = window;
        if (from is not null) _folder.Config["max_window_layers"] = from;
        if (layer is not null) _folder.Config["layer_types"] = new JsonArray(layer);
        Assert.Equal(expected, Read().SlidingWindow);
    }

    [Theory]
    [InlineData("qwen2", "Qwen2ForCausalLM")]
    [InlineData("qwen3", "Qwen3ForCausalLM")]
    public void ReadConfig_QwenThatSwitchesAWindowOnWithoutItsLength_HasTheDefault(string type, string architecture)
    {
        Become(type, architecture);
        (_folder.Config["max_position_embeddings"], _folder.Config["max_window_layers"]) = (8192, 0);
        _folder.Config["use_sliding_window"] = true;
        _folder.Config.Remove("sliding_window");
        Assert.Equal(4096, Read().SlidingWindow);
        _folder.Config["sliding_window"] = null;
        Assert.Null(Read().SlidingWindow);
    }

    [Fact]
    public void ReadConfig_WindowOfSomeLayersOnly_IsRefused()
    {
        Become("qwen2", "Qwen2ForCausalLM");
        (_folder.Config["num_hidden_layers"], _folder.Config["use_sliding_window"]) = (4, true);
        (_folder.Config["sliding_window"], _folder.Config["max_window_layers"]) = (16, 2);
        Assert.Contains("'max_window_layers' is 2", Assert.Throws<BadInputException>(Read).Message, StringComparison.Ordinal);
        _folder.Config["use_sliding_window"] = false;
        _folder.Config["layer_types"] = new JsonArray("full_attention", "sliding_attention");
        Assert.Contains("'layer_types[1]'", Assert.Throws<BadInputException>(Read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadConfig_Families_HaveTheirOwnTensors()
    {
        Become("qwen2", "Qwen2ForCausalLM");
        string[] Names() =>
            [.. LlamaTensorLayout.Tensors(Read()).Select(tensor => tensor.Name["model.".Length..].Replace("layers.0.", ""))];
        Assert.Equal(
            ["self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"],
            Names().Where(name => name.EndsWith(".bias", StringComparison.Ordinal)));
        Become("qwen3", "Qwen3ForCausalLM");
        Assert.Equal(
            ["self_attn.q_norm.weight", "self_attn.k_norm.weight"],
            Names().Where(name => name.Contains("_norm", StringComparison.Ordinal)));
        _folder.Config.Remove("head_dim");
        Assert.Equal(128, Read().HeadDim);
        Become("llama", "LlamaForCausalLM");
        (_folder.Config["head_dim"], _folder.Config["attention_bias"], _folder.Config["mlp_bias"]) = (4, true, true);
        Assert.Equal(7, Names().Count(name => name.EndsWith(".bias", StringComparison.Ordinal)));
    }

    [Fact]
    public void ReadConfig_ScaledRope_IsRead()
    {
        _folder.Config["rope_scaling"] = JsonNode.Parse("""{"type": "linear", "factor": 2.0}""");
        Assert.Equal(new LinearRopeScaling(2), Read().RopeScaling);
        _folder.Config["rope_scaling"] = JsonNode.Parse(
            """
            {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}
            """);
        Assert.Equal(new Llama3RopeScaling(32, 1, 4, 8192), Read().RopeScaling);
        _folder.Config["rope_scaling"]!["beta_fast"] = 32;
        Assert.Contains("'rope_scaling.beta_fast'", Assert.Throws<BadInputException>(Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"gemma2\"")]
    [InlineData("model_type", "null")]
    [InlineData("architectures", "[\"LlamaForSequenceClassification\"]")]
    [InlineData("architectures", "\"LlamaForCausalLM\"")]
    [InlineData("attention_bias", "1")]
    [InlineData("mlp_bias", "\"yes\"")]
    [InlineData("quantization_config", "{\"quant_method\": \"gptq\"}")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("pretraining_tp", "2")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0}")]
    [InlineData("rope_scaling", "{\"type\": \"linear\", \"factor\": 0}")]
    [InlineData("rope_scaling", "{\"type\": \"dynamic\", \"factor\": 2.0}")]
    [InlineData("rope_scaling", "{\"factor\": 2.0}")]
    [InlineData("rope_scaling", "2")]
    [InlineData("rope_parameters", "{\"rope_type\": \"yarn\"}")]
    [InlineData("rope_theta", "0")]
    [InlineData("rms_norm_eps", "-1e-5")]
    [InlineData("hidden_size", "0")]
    [InlineData("hidden_size", "6.5")]
    [InlineData("hidden_size", "null")]
    [InlineData("hidden_size", "99999999999")]
    [InlineData("intermediate_size", "2147483647")]
    [InlineData("vocab_size", "2147483647")]
    [InlineData("num_attention_heads", "2147483646")]
    [InlineData("num_hidden_layers", "2147483647")]
    [InlineData("num_hidden_layers", "0")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("head_dim", "3")]
    [InlineData("bos_token_id", "7")]
    [InlineData("max_position_embeddings", "null")]
    [InlineData("tie_word_embeddings", "1")]
    public void ReadConfig_WhatTheEngineDoesNotCompute_IsRefusedByKey(string key, string value)
    {
        _folder.Config[key] = JsonNode.Parse(value);
        if (key == "num_attention_heads") _folder.Config["head_dim"] = 2;
        var e = Assert.Throws<BadInputException>(Read);
        Assert.StartsWith(_folder.File("config.json"), e.Message, StringComparison.Ordinal);
        Assert.Contains($"'{key}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadConfig_NoFileOrNoJson_IsRefused()
    {
        var missing = Assert.Throws<BadInputException>(() => HuggingFaceModelReader.ReadConfig(_folder.Path));
        Assert.Contains("config.json: the file is missing", missing.Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("config.json"), "{\"model_type\": ");
        var broken = Assert.Throws<BadInputException>(() => HuggingFaceModelReader.ReadConfig(_folder.Path));
        Assert.Contains("not valid JSON", broken.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private void Become(string type, string architecture) =>
        (_folder.Config["model_type"], _folder.Config["architectures"]) = (type, new JsonArray(architecture));

    private LlamaConfig Read() => HuggingFaceModelReader.ReadConfig(_folder.SaveConfig().Path);
}
