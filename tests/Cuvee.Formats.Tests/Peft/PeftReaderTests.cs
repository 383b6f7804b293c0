using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Peft;

public sealed class PeftReaderTests : IDisposable
{
    private readonly AdapterFolder _folder = new();

    [Fact]
    public void Read_PlainLora_ReturnsModulesAndConfig()
    {
        var warnings = new List<string>();
        var adapter = PeftReader.Read(_folder.Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Equal(Path.GetFileName(_folder.Path), adapter.Name);
        Assert.Equal(
            new PeftAdapterConfig
            {
                Rank = 2,
                LoraAlpha = 16,
                BaseModelNameOrPath = "acme/base",
                Revision = "main",
                TaskType = "CAUSAL_LM",
            },
            adapter.Config);
        var module = Assert.Single(adapter.Modules);
        Assert.Equal(
            (AdapterFolder.Module, 3, 4, 2, 8f), (module.Name, module.InFeatures, module.OutFeatures, module.Rank, module.Scaling));
        Assert.Equal([1, 2, 3, 4, 5, 6], module.LoraA.ToSingles());
        Assert.Equal([1, 0, 0, 1, 2, 0, 0, -2], module.LoraB.ToSingles());
        Assert.Empty(warnings);
    }

    [Fact]
    public void Read_TrailingSeparator_NameIsTheFolders() =>
        Assert.Equal(Path.GetFileName(_folder.Path), PeftReader.Read(_folder.Save().Path + Path.DirectorySeparatorChar).Name);

    [Fact]
    public void Read_AdapterNameInTensorNames_IsStripped()
    {
        for (var i = 0; i < 2; i++)
            _folder.Tensors[i] = _folder.Tensors[i] with { Name = _folder.Tensors[i].Name.Replace(".weight", ".default.weight") };
        Assert.Equal(AdapterFolder.Module, Assert.Single(PeftReader.Read(_folder.Save().Path).Modules).Name);
    }

    [Fact]
    public void Read_SeveralModules_AreInOrdinalOrder()
    {
        _folder.Add("model.layers.10.mlp.up_proj", 2).Add("model.layers.2.mlp.up_proj", 2).Add("lm_head", 2);
        Assert.Equal(
            ["lm_head", AdapterFolder.Module, "model.layers.10.mlp.up_proj", "model.layers.2.mlp.up_proj"],
            PeftReader.Read(_folder.Save().Path).Modules.Select(module => module.Name));
    }

    [Fact]
    public void Read_RsLora_DividesByTheRootOfTheRank()
    {
        _folder.Config["use_rslora"] = true;
        Assert.Equal((float)(16 / Math.Sqrt(2)), PeftReader.Read(_folder.Save().Path).Modules[0].Scaling);
    }

    [Theory]
    // Last name part, path tail, regular expression, whole path; a part of a name does not match; the first match wins.
    [InlineData("""{"q_proj": 4}""", 2f)]
    [InlineData("""{"self_attn.q_proj": 4}""", 2f)]
    [InlineData("""{"layers.[0-3].self_attn.(q|k)_proj": 4}""", 2f)]
    [InlineData("""{"model.layers.0.self_attn.q_proj": 4}""", 2f)]
    [InlineData("""{"^model.layers.0.self_attn.q_proj": 4}""", 2f)]
    [InlineData("""{"proj": 4}""", 8f)]
    [InlineData("""{"q": 4}""", 8f)]
    [InlineData("""{"attn.q_proj": 4}""", 8f)]
    [InlineData("""{"layers.1.self_attn.q_proj": 4}""", 8f)]
    [InlineData("""{"k_proj": 2, ".*q_proj": 6, "q_proj": 4}""", 3f)]
    [InlineData("""{"q_proj": 4, ".*q_proj": 6}""", 2f)]
    public void Read_AlphaPattern_FirstMatchingKeyCounts(string pattern, float scaling)
    {
        _folder.Config["alpha_pattern"] = JsonNode.Parse(pattern);
        Assert.Equal(scaling, PeftReader.Read(_folder.Save().Path).Modules[0].Scaling);
    }

    [Fact]
    public void Read_RankPattern_ScalesByTheModulesRankWithoutWarning()
    {
        _folder.Config["rank_pattern"] = JsonNode.Parse("""{"up_proj": 8}""");
        var warnings = new List<string>();
        var adapter = PeftReader.Read(
            _folder.Add("model.layers.0.mlp.up_proj", 8).Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Equal([2f, 8f], adapter.Modules.Select(module => module.Scaling).Order());
        Assert.Equal(8, adapter.Modules.Single(module => module.Scaling == 2f).Rank);
        Assert.Empty(warnings);
    }

    [Fact]
    public void Read_RankOtherThanConfigured_TrustsTheTensorsAndWarns()
    {
        var warnings = new List<string>();
        var adapter = PeftReader.Read(_folder.Add("lm_head", 4).Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Equal(4f, adapter.Modules.Single(module => module.Name == "lm_head").Scaling);
        Assert.Contains("'lm_head' has rank 4", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SeveralRanksOtherThanConfigured_WarnsOnce()
    {
        var warnings = new List<string>();
        _folder.Add("lm_head", 4).Add("model.layers.0.mlp.up_proj", 8).Save();
        PeftReader.Read(_folder.Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Contains("(and 1 more differ)", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnknownKey_Warns()
    {
        _folder.Config["shiny_new_thing"] = 1;
        var warnings = new List<string>();
        PeftReader.Read(_folder.Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Contains("'shiny_new_thing'", Assert.Single(warnings), StringComparison.Ordinal);
    }

    /// <summary>What later and earlier releases of PEFT and other trainers add, at what changes nothing.</summary>
    [Theory]
    [InlineData("null")]
    [InlineData("false")]
    [InlineData("[]")]
    [InlineData("{}")]
    public void Read_UnknownKeyThatIsNotSet_IsSilent(string value)
    {
        _folder.Config["shiny_new_thing"] = JsonNode.Parse(value);
        var warnings = new List<string>();
        PeftReader.Read(_folder.Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Empty(warnings);
    }

    /// <summary>PEFT 0.5 knew no more keys than these; Unsloth and LLaMA-Factory write the second and third.</summary>
    [Theory]
    [InlineData("""
        {"auto_mapping": null, "base_model_name_or_path": "b", "bias": "none", "fan_in_fan_out": false, "inference_mode": true,
         "init_lora_weights": true, "layers_pattern": null, "layers_to_transform": null, "lora_alpha": 16, "lora_dropout": 0.05,
         "modules_to_save": null, "peft_type": "LORA", "r": 2, "revision": null, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
        """)]
    [InlineData("""
        {"auto_mapping": {"base_model_class": "LlamaForCausalLM", "parent_library": "transformers.models.llama.modeling_llama",
         "unsloth_fixed": true}, "base_model_name_or_path": "unsloth/b-bnb-4bit", "lora_alpha": 16, "peft_type": "LORA", "r": 2,
         "target_modules": "(?:.*?(?:language|text).*?(?:self_attn|attention|mlp).*?(?:q_proj|k_proj).*?)", "task_type": "CAUSAL_LM"}
        """)]
    [InlineData("""
        {"lora_alpha": 16, "peft_type": "LORA", "r": 2, "target_modules": "all-linear", "exclude_modules": null, "modules_to_save": [],
         "use_dora": false, "use_rslora": false, "rank_pattern": {}, "alpha_pattern": {}, "megatron_core": "megatron.core"}
        """)]
    public void Read_ConfigurationsAsTheyAreFound_AreAcceptedSilently(string config)
    {
        _folder.Save();
        File.WriteAllText(_folder.ConfigPath, config);
        var warnings = new List<string>();
        var adapter = PeftReader.Read(_folder.Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Equal(8f, Assert.Single(adapter.Modules).Scaling);
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.layers.0.self_attn.q_proj")]
    [InlineData("model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.model.language_model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.language_model.model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.base_model.model.model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.pretrained_model.model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model._orig_mod.model.layers.0.self_attn.q_proj")]
    [InlineData("base_model.model.module.model.layers.0._checkpoint_wrapped_module.self_attn.q_proj")]
    public void Read_WrappedName_IsTheBaseModels(string stem)
    {
        _folder.Rename(stem);
        Assert.Equal(AdapterFolder.Module, Assert.Single(PeftReader.Read(_folder.Save().Path).Modules).Name);
    }

    [Theory]
    [InlineData("base_model.model.lm_head", "lm_head")]
    [InlineData("base_model.model.model.lm_head", "lm_head")]
    [InlineData("base_model.model.vision_tower.layers.0.q_proj", "vision_tower.layers.0.q_proj")]
    [InlineData("base_model.model.transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_attn")]
    public void Read_OtherName_StaysForTheBaseToJudge(string stem, string expected)
    {
        _folder.Rename(stem);
        Assert.Equal(expected, Assert.Single(PeftReader.Read(_folder.Save().Path).Modules).Name);
    }

    /// <summary>PEFT's delta of an embedding is (B A) transposed; it saves the base's rows beside it.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(".default")]
    public void Read_Embedding_IsAModuleOfVocabularyRows(string adapterName)
    {
        const string stem = "base_model.model.model.embed_tokens";
        _folder.Tensors.Add(new TensorData($"{stem}.lora_embedding_A{adapterName}", [2, 3], [1, 2, 3, 4, 5, 6]));
        _folder.Tensors.Add(new TensorData($"{stem}.lora_embedding_B{adapterName}", [4, 2], [1, 0, 0, 1, 2, 0, 0, -2]));
        _folder.Tensors.Add(new TensorData($"{stem}.base_layer.weight", [3, 4], new float[12]));
        var warnings = new List<string>();
        var module = PeftReader.Read(_folder.Save().Path, new PeftReaderOptions { Warn = warnings.Add }).Modules[0];
        Assert.Equal(("model.embed_tokens", 3, 4, 2, 8f),
            (module.Name, module.OutFeatures, module.InFeatures, module.Rank, module.Scaling));
        Assert.Equal([1, 4, 2, 5, 3, 6], module.LoraB.ToSingles()); // [vocab, rank]
        Assert.Equal([1, 0, 2, 0, 0, 1, 0, -2], module.LoraA.ToSingles()); // [rank, hidden]
        Assert.Contains("copy of the base's 'model.embed_tokens'", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".lora_magnitude_vector", new[] { 4 })]
    [InlineData(".lora_magnitude_vector", new[] { 1, 4 })]
    [InlineData(".lora_magnitude_vector.weight", new[] { 4 })]
    [InlineData(".lora_magnitude_vector.default.weight", new[] { 4 })]
    public void Read_Dora_KeepsMagnitudes(string suffix, int[] shape)
    {
        _folder.Config["use_dora"] = true;
        _folder.Tensors.Add(new TensorData("base_model.model." + AdapterFolder.Module + suffix, shape, [1, 2, 3, 4]));
        Assert.Equal([1, 2, 3, 4], Assert.Single(PeftReader.Read(_folder.Save().Path).Modules).Magnitude!);
    }

    [Fact]
    public void Read_PatternOnAWrappedName_SeesItAsPeftDoes()
    {
        const string stem = "base_model.model.model.language_model.layers.0.self_attn.q_proj";
        _folder.Rename(stem);
        _folder.Config["alpha_pattern"] = JsonNode.Parse("""{"^model.language_model.layers.0.self_attn.q_proj": 4}""");
        Assert.Equal(2f, Assert.Single(PeftReader.Read(_folder.Save().Path).Modules).Scaling);
    }

    [Theory]
    [InlineData("gaussian", 0)]
    [InlineData("eva", 0)]
    [InlineData("orthogonal", 0)]
    [InlineData("shiny", 1)]
    public void Read_OtherInitialization_WarnsWhereTheBaseMayHaveChanged(string method, int expected)
    {
        _folder.Config["init_lora_weights"] = method;
        var warnings = new List<string>();
        PeftReader.Read(_folder.Save().Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Equal(expected, warnings.Count);
    }

    [Theory]
    [InlineData("pissa", "path_initial_model_for_weight_conversion")]
    [InlineData("pissa_niter_16", "path_initial_model_for_weight_conversion")]
    [InlineData("olora", "path_initial_model_for_weight_conversion")]
    [InlineData("corda", "path_initial_model_for_weight_conversion")]
    [InlineData("lora_ga", "path_initial_model_for_weight_conversion")]
    [InlineData("loftq", "train a plain LoRA")]
    public void Read_ChangedBase_IsRefusedWithTheWayOut(string method, string mend)
    {
        _folder.Config["init_lora_weights"] = method;
        var e = Assert.Throws<BadInputException>(() => PeftReader.Read(_folder.Save().Path));
        Assert.Contains($"'init_lora_weights' is \"{method}\"", e.Message, StringComparison.Ordinal);
        Assert.Contains(mend, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MixedTypes_AreWidened()
    {
        _folder.Save();
        // One BF16 factor beside one F64 factor, by hand.
        const string header = """
            {"base_model.model.m.lora_A.weight":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},
             "base_model.model.m.lora_B.weight":{"dtype":"F64","shape":[1,2],"data_offsets":[4,20]}}
            """;
        byte[] buffer = [0x80, 0x3F, 0x00, 0x40, .. BitConverter.GetBytes(0.5), .. BitConverter.GetBytes(-1.0)];
        File.WriteAllBytes(_folder.TensorPath, Safetensors.SafetensorsBytes.Of(header, buffer));
        var module = Assert.Single(PeftReader.Read(_folder.Path).Modules);
        Assert.Equal([1, 2], module.LoraA.ToSingles());
        Assert.Equal([0.5f, -1], module.LoraB.ToSingles());
    }

    public void Dispose() => _folder.Dispose();
}
