using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Peft;

public sealed class PeftWriterTests : IDisposable
{
    private static readonly LoraModule Wide = new("model.layers.0.mlp.up_proj", 3, 2, 2, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4], 0.5f);

    private static readonly LoraModule Narrow = new("model.layers.0.self_attn.q_proj", 2, 3, 1, [7, 8], [1, -1, 2], 2f);

    private static readonly PeftAdapter Adapter = new(
        "a", new PeftAdapterConfig { Rank = 2, LoraAlpha = 1, BaseModelNameOrPath = "acme/base", TaskType = "CAUSAL_LM" }, [Wide, Narrow]);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Write_UnequalRanks_PadsWithZerosAndFoldsTheScaling()
    {
        PeftWriter.Write(_folder.File("out"), Adapter, TensorType.F32);
        using var tensors = SafetensorsReader.Open(_folder.File("out/adapter_model.safetensors"));
        const string narrow = "base_model.model.model.layers.0.self_attn.q_proj.";
        const string wide = "base_model.model.model.layers.0.mlp.up_proj.";
        Assert.Equal("pt", tensors.Metadata["format"]);
        Assert.Equal(4, tensors.Entries.Count);
        Assert.Equal([7, 8, 0, 0], tensors.ReadSingles(narrow + "lora_A.weight"));
        Assert.Equal([2, 2], tensors.Entries[narrow + "lora_A.weight"].Shape);
        Assert.Equal([2, 0, -2, 0, 4, 0], tensors.ReadSingles(narrow + "lora_B.weight"));
        Assert.Equal([3, 2], tensors.Entries[narrow + "lora_B.weight"].Shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], tensors.ReadSingles(wide + "lora_A.weight"));
        Assert.Equal([0.5f, 1, 1.5f, 2], tensors.ReadSingles(wide + "lora_B.weight"));
    }

    [Fact]
    public void Write_Config_IsPlainForEveryReader()
    {
        PeftWriter.Write(_folder.Path, Adapter, TensorType.F32);
        var config = JsonNode.Parse(File.ReadAllText(_folder.File("adapter_config.json")))!.AsObject();
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse(
                """
                {
                  "alpha_pattern": {}, "base_model_name_or_path": "acme/base", "bias": "none", "fan_in_fan_out": false,
                  "inference_mode": true, "init_lora_weights": true, "lora_alpha": 2, "lora_dropout": 0.0, "modules_to_save": null,
                  "peft_type": "LORA", "r": 2,
                  "rank_pattern": {}, "revision": null, "target_modules": ["q_proj", "up_proj"], "task_type": "CAUSAL_LM",
                  "use_dora": false, "use_rslora": false
                }
                """),
            config),
            config.ToJsonString());
    }

    [Fact]
    public void WriteThenRead_KeepsEveryUpdate()
    {
        PeftWriter.Write(_folder.Path, Adapter, TensorType.F32);
        var warnings = new List<string>();
        var read = PeftReader.Read(_folder.Path, new PeftReaderOptions { Warn = warnings.Add });
        Assert.Empty(warnings);
        Assert.Equal(Adapter.Config with { LoraAlpha = 2 }, read.Config);
        foreach (var (before, after) in Adapter.Modules.Zip(read.Modules))
        {
            Assert.Equal((before.Name, 1f), (after.Name, after.Scaling));
            Assert.Equal(Update(before), Update(after));
        }
    }

    [Fact]
    public void Write_Twice_SameBytes()
    {
        PeftWriter.Write(_folder.File("1"), Adapter, TensorType.BF16);
        PeftWriter.Write(_folder.File("2"), Adapter with { Modules = [Narrow, Wide] }, TensorType.BF16);
        foreach (var name in (string[])["adapter_config.json", "adapter_model.safetensors"])
            Assert.Equal(File.ReadAllBytes(_folder.File($"1/{name}")), File.ReadAllBytes(_folder.File($"2/{name}")));
    }

    [Fact]
    public void Write_NotFiniteOrEmpty_WritesNothing()
    {
        var broken = Adapter with { Modules = [Wide with { Scaling = float.PositiveInfinity }] };
        Assert.Contains(
            "lora_B.weight'",
            Assert.ThrowsAny<BadInputException>(() => PeftWriter.Write(_folder.Path, broken, TensorType.F32)).Message,
            StringComparison.Ordinal);
        Assert.ThrowsAny<BadInputException>(() => PeftWriter.Write(_folder.Path, Adapter with { Modules = [] }, TensorType.F32));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Scaling * LoraB * LoraA in double, [out, in].</summary>
    private static double[] Update(LoraModule module)
    {
        var (loraA, loraB) = (module.LoraA.ToSingles(), module.LoraB.ToSingles());
        var update = new double[module.OutFeatures * module.InFeatures];
        for (var row = 0; row < module.OutFeatures; row++)
        {
            for (var column = 0; column < module.InFeatures; column++)
            {
                for (var k = 0; k < module.Rank; k++)
                {
                    update[(row * module.InFeatures) + column] +=
                        (double)module.Scaling * loraB[(row * module.Rank) + k] * loraA[(k * module.InFeatures) + column];
                }
            }
        }

        return update;
    }
}
