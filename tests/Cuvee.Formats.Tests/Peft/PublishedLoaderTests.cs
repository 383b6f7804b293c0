using System.Buffers.Binary;
using System.Text.Json;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Peft;

/// <summary>
/// What PEFT (LoraConfig, set_peft_model_state_dict) and vLLM (PEFTHelper, parse_fine_tuned_lora_name) do with an adapter's folder, step by
/// step as published, on a folder that Cuvee wrote. The files are read as JSON and bytes, not by the readers under test.
/// </summary>
public sealed class PublishedLoaderTests : IDisposable
{
    // vLLM's supported_lora_modules of Llama, Mistral, Qwen2 and Qwen3 before packing, and its embedding modules.
    private static readonly string[] ServedModules =
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embed_tokens", "lm_head"];

    private readonly TemporaryFolder folder = new();

    /// <summary>Different ranks and scalings, as a merge hands them over.</summary>
    private static PeftAdapter Adapter { get; } = new(
        "x",
        new PeftAdapterConfig { Rank = 3, LoraAlpha = 7, UseRsLora = true, BaseModelNameOrPath = "acme/base", TaskType = "CAUSAL_LM" },
        [
            Module("lm_head", 7, 6, 2, 0.5f), Module("model.embed_tokens", 7, 6, 2, 4), Module("model.layers.0.mlp.down_proj", 6, 5, 3, 2),
            Module("model.layers.0.self_attn.q_proj", 8, 6, 1, 3),
        ]);

    [Fact]
    public void PeftConfig_Fields_ArePlainLora()
    {
        using var config = Config();
        var root = config.RootElement;
        Assert.Equal("LORA", root.GetProperty("peft_type").GetString()); // PEFT_TYPE_TO_CONFIG_MAPPING
        Assert.Contains(root.GetProperty("task_type").GetString(), (string[])["CAUSAL_LM", "SEQ_CLS", "SEQ_2_SEQ_LM", "TOKEN_CLS"]);
        Assert.Equal("none", root.GetProperty("bias").GetString());
        Assert.False(root.GetProperty("use_dora").GetBoolean());
        Assert.False(root.GetProperty("use_rslora").GetBoolean());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("modules_to_save").ValueKind);
        Assert.Empty(root.GetProperty("rank_pattern").EnumerateObject());
        Assert.Empty(root.GetProperty("alpha_pattern").EnumerateObject());
        Assert.Equal(JsonValueKind.Number, root.GetProperty("lora_dropout").ValueKind);
        Assert.Equal(root.GetProperty("r").GetInt32(), root.GetProperty("lora_alpha").GetInt32()); // lora_alpha / r is 1
    }

    /// <summary>check_target_module_exists: a name in the list, or the end of a module's path behind a dot; each module hit, none
    /// besides.</summary>
    [Fact]
    public void PeftTargetModules_List_HitsTheAdaptedModules()
    {
        using var config = Config();
        var targets = config.RootElement.GetProperty("target_modules").EnumerateArray().Select(target => target.GetString()!).ToList();
        bool IsTarget(string module) => targets.Any(target => module == target || module.EndsWith("." + target, StringComparison.Ordinal));
        Assert.All(Adapter.Modules, module => Assert.True(IsTarget(module.Name), module.Name));
        Assert.False(IsTarget("model.layers.0.self_attn.k_proj"));
        Assert.Equal(targets.Count, targets.Distinct().Count());
    }

    /// <summary>The adapter's name goes in front of ".weight", of an embedding behind the whole key; then load_state_dict wants these
    /// shapes.</summary>
    [Fact]
    public void PeftStateDict_NamesAndShapes_AreTheModels()
    {
        using var config = Config();
        var rank = config.RootElement.GetProperty("r").GetInt32();
        var wanted = new Dictionary<string, int[]>();
        foreach (var module in Adapter.Modules)
        {
            var stem = "base_model.model." + module.Name;
            if (module.Name == "model.embed_tokens")
            {
                wanted[stem + ".lora_embedding_A.default"] = [rank, module.OutFeatures]; // nn.Parameter [r, num_embeddings]
                wanted[stem + ".lora_embedding_B.default"] = [module.InFeatures, rank]; // nn.Parameter [embedding_dim, r]
            }
            else
            {
                wanted[stem + ".lora_A.default.weight"] = [rank, module.InFeatures]; // nn.Linear(in, r)
                wanted[stem + ".lora_B.default.weight"] = [module.OutFeatures, rank]; // nn.Linear(r, out)
            }
        }

        var loaded = Header().ToDictionary(
            entry => entry.Key.EndsWith(".weight", StringComparison.Ordinal) ? entry.Key[..^7] + ".default.weight" : entry.Key + ".default",
            entry => entry.Value);
        Assert.Equal(wanted.Keys.Order(), loaded.Keys.Order());
        Assert.All(wanted, pair => Assert.Equal(pair.Value, loaded[pair.Key].Shape));
    }

    /// <summary>safetensors.torch: metadata names the framework, and one type stands for all factors.</summary>
    [Theory]
    [InlineData(TensorType.F32, "F32")]
    [InlineData(TensorType.BF16, "BF16")]
    public void Safetensors_Header_IsTorchs(TensorType type, string name)
    {
        PeftWriter.Write(folder.Path, Adapter, type);
        using var header = HeaderDocument();
        Assert.Equal("pt", header.RootElement.GetProperty("__metadata__").GetProperty("format").GetString());
        Assert.All(Header(), entry => Assert.Equal(name, entry.Value.Type));
    }

    /// <summary>PEFTHelper: fields it requires, features it refuses, one scaling for all modules, a rank of its list after rounding
    /// up.</summary>
    [Fact]
    public void VllmHelper_Config_IsAccepted()
    {
        using var config = Config();
        var root = config.RootElement;
        Assert.All((string[])["r", "lora_alpha", "target_modules"], field => Assert.True(root.TryGetProperty(field, out _), field));
        Assert.True(root.GetProperty("r").GetInt32() <= 512);
        Assert.False(root.TryGetProperty("modules_to_save", out var saved) && saved.ValueKind == JsonValueKind.Array);
        Assert.False(root.TryGetProperty("lora_bias", out var bias) && bias.GetBoolean());
        Assert.False(root.GetProperty("use_dora").GetBoolean());
        Assert.Equal(1.0, root.GetProperty("lora_alpha").GetDouble() / root.GetProperty("r").GetInt32());
    }

    /// <summary>parse_fine_tuned_lora_name, then the check of the last part against the modules that the model can adapt.</summary>
    [Fact]
    public void VllmNames_EveryTensor_IsAFactorOfAServedModule()
    {
        PeftWriter.Write(folder.Path, Adapter, TensorType.F32);
        foreach (var name in Header().Keys)
        {
            var parts = name.Split('.');
            Assert.Equal(["base_model", "model"], parts[..2]);
            var module = parts is [.., "lora_A" or "lora_B", "weight"] ? parts[2..^2]
                : parts is [.., "lora_embedding_A" or "lora_embedding_B"] ? parts[2..^1]
                : throw new InvalidOperationException($"{name} is an unsupported LoRA weight");
            Assert.Contains(module[^1], ServedModules);
        }
    }

    /// <summary>lora_B lora_A with scaling 1 is the update of the module that was handed over, padded ranks and folded scalings
    /// included.</summary>
    [Fact]
    public void Update_Factors_MultiplyToTheModulesOwn()
    {
        using var config = Config();
        var values = Values();
        foreach (var module in Adapter.Modules)
        {
            var stem = "base_model.model." + module.Name;
            var isEmbedding = module.Name == "model.embed_tokens";
            var (a, b) = (values[stem + (isEmbedding ? ".lora_embedding_A" : ".lora_A.weight")],
                values[stem + (isEmbedding ? ".lora_embedding_B" : ".lora_B.weight")]);
            var rank = config.RootElement.GetProperty("r").GetInt32();
            var columns = a.Length / rank;
            for (var row = 0; row < b.Length / rank; row++)
            {
                for (var column = 0; column < columns; column++)
                {
                    var actual = Enumerable.Range(0, rank).Sum(k => (double)b[(row * rank) + k] * a[(k * columns) + column]);
                    // Of an embedding PEFT adds the transpose.
                    Assert.Equal(isEmbedding ? Update(module, column, row) : Update(module, row, column), actual, 1e-4);
                }
            }
        }
    }

    public void Dispose() => folder.Dispose();

    private static double Update(LoraModule module, int row, int column)
    {
        var (a, b) = (module.LoraA.ToSingles(), module.LoraB.ToSingles());
        return module.Scaling * Enumerable.Range(0, module.Rank).Sum(
            k => (double)b[(row * module.Rank) + k] * a[(k * module.InFeatures) + column]);
    }

    private static LoraModule Module(string name, int outFeatures, int inFeatures, int rank, float scaling) => new(
        name, inFeatures, outFeatures, rank, [.. Enumerable.Range(1, rank * inFeatures).Select(i => (i % 5) - 1.5f)],
        [.. Enumerable.Range(3, outFeatures * rank).Select(i => (i % 7) * 0.5f)], scaling);

    private JsonDocument Config()
    {
        PeftWriter.Write(folder.Path, Adapter, TensorType.F32);
        return JsonDocument.Parse(File.ReadAllBytes(folder.File("adapter_config.json")));
    }

    private JsonDocument HeaderDocument()
    {
        var bytes = File.ReadAllBytes(folder.File("adapter_model.safetensors"));
        return JsonDocument.Parse(bytes.AsMemory(8, (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes)));
    }

    private Dictionary<string, (int[] Shape, string Type, long Begin)> Header()
    {
        using var header = HeaderDocument();
        return header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(
            entry => entry.Name,
            entry => (entry.Value.GetProperty("shape").EnumerateArray().Select(length => length.GetInt32()).ToArray(),
                entry.Value.GetProperty("dtype").GetString()!, entry.Value.GetProperty("data_offsets")[0].GetInt64()));
    }

    private Dictionary<string, float[]> Values()
    {
        var bytes = File.ReadAllBytes(folder.File("adapter_model.safetensors"));
        var start = 8 + (long)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return Header().ToDictionary(
            entry => entry.Key,
            entry => Enumerable.Range(0, entry.Value.Shape.Aggregate((x, y) => x * y))
                .Select(i => BitConverter.ToSingle(bytes, (int)(start + entry.Value.Begin) + (4 * i))).ToArray());
    }
}
