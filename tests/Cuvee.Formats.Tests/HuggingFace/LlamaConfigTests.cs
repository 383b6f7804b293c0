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
    [InlineData("null", true)]
    [InlineData("64", true)]
    [InlineData("63", false)]
    [InlineData(null, true)] // the default window of 4096 is longer than the context
    public void ReadConfig_Mistral_IsAcceptedWhenItsWindowHidesNothing(string? window, bool accepted)
    {
        _folder.Config["model_type"] = "mistral";
        _folder.Config["architectures"] = new JsonArray("MistralForCausalLM");
        if (window is not null) _folder.Config["sliding_window"] = JsonNode.Parse(window);
        if (accepted) Assert.Equal(6, Read().HiddenSize);
        else Assert.Contains("'sliding_window'", Assert.Throws<BadInputException>(Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"qwen2\"")]
    [InlineData("model_type", "null")]
    [InlineData("architectures", "[\"LlamaForSequenceClassification\"]")]
    [InlineData("architectures", "\"LlamaForCausalLM\"")]
    [InlineData("attention_bias", "true")]
    [InlineData("mlp_bias", "true")]
    [InlineData("quantization_config", "{\"quant_method\": \"gptq\"}")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("pretraining_tp", "2")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0}")]
    [InlineData("rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0}")]
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

    private LlamaConfig Read() => HuggingFaceModelReader.ReadConfig(_folder.SaveConfig().Path);
}
