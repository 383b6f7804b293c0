using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.Gguf;

public sealed class GgufAdapterTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";
    private const string Down = "model.layers.0.mlp.down_proj";

    private readonly TemporaryFolder folder = new();

    /// <summary>2 heads of 4 on 1 key-value head.</summary>
    private static LlamaConfig Config { get; } = new()
    {
        HiddenSize = 6,
        IntermediateSize = 5,
        NumHiddenLayers = 1,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 4,
        VocabSize = 7,
        MaxPositionEmbeddings = 64,
        EosTokenIds = [2],
    };

    private string File => folder.File("adapter.gguf");

    /// <summary>The rules of llama.cpp's loader: keys, names, shapes, alpha 0 for scaling 1, rows of q in pairs.</summary>
    [Fact]
    public void Write_Adapter_FollowsLlamaCppsLoader()
    {
        GgufAdapterWriter.Write(File, Adapter(Module(Query, 8, 6), Module(Down, 6, 5)), Config, StorageFormat.F32);
        var file = GgufReader.Open(File);
        Assert.Equal("adapter", file.Metadata.Text("general.type"));
        Assert.Equal("llama", file.Metadata.Text("general.architecture"));
        Assert.Equal("lora", file.Metadata.Text("adapter.type"));
        Assert.Equal(0, file.Metadata.FindNumber("adapter.lora.alpha"));
        Assert.Equal(
            ["blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b", "blk.0.ffn_down.weight.lora_a", "blk.0.ffn_down.weight.lora_b"],
            file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([2, 6], file.Tensors["blk.0.attn_q.weight.lora_a"].Shape);
        Assert.Equal([8, 2], file.Tensors["blk.0.attn_q.weight.lora_b"].Shape);
        // Scaling 3 is in lora_b; rows 0 2 1 3 of each head of 4.
        Assert.Equal(
            [.. ((int[])[0, 2, 1, 3, 4, 6, 5, 7]).SelectMany(row => (float[])[3 * 2 * row, 3 * ((2 * row) + 1)])],
            file.Matrix("blk.0.attn_q.weight.lora_b").ToSingles());
        Assert.Equal([.. Enumerable.Range(0, 12).Select(i => 3f * i)], file.Matrix("blk.0.ffn_down.weight.lora_b").ToSingles());
        Assert.Equal(Module(Down, 6, 5).LoraA.ToSingles(), file.Matrix("blk.0.ffn_down.weight.lora_a").ToSingles());
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void Read_WhatWasWritten_IsTheSameUpdate(string architecture)
    {
        var config = Config with { Family = architecture == "llama" ? DecoderFamily.Mistral : DecoderFamily.Qwen3 };
        LoraModule[] modules = [Module("lm_head", 7, 6), Module("model.embed_tokens", 7, 6), Module(Down, 6, 5), Module(Query, 8, 6)];
        GgufAdapterWriter.Write(File, Adapter(modules), config, StorageFormat.F32);
        var read = GgufAdapterReader.Read(File, "x", config);
        Assert.Equal(modules.Select(module => module.Name), read.Modules.Select(module => module.Name));
        foreach (var (expected, actual) in modules.Zip(read.Modules))
        {
            Assert.Equal(expected.LoraA.ToSingles(), actual.LoraA.ToSingles());
            Assert.Equal(expected.LoraB.ToSingles().Select(value => 3 * value), actual.LoraB.ToSingles());
            Assert.Equal(1, actual.Scaling);
        }
    }

    /// <summary>llm_build_inp_embd looks rows of lora_a up and multiplies them by lora_b.</summary>
    [Fact]
    public void Write_Embedding_IsFlipped()
    {
        GgufAdapterWriter.Write(File, Adapter(Module("model.embed_tokens", 7, 6)), Config, StorageFormat.F32);
        var file = GgufReader.Open(File);
        Assert.Equal([7, 2], file.Tensors["token_embd.weight.lora_a"].Shape);
        Assert.Equal([6, 2], file.Tensors["token_embd.weight.lora_b"].Shape);
    }

    /// <summary>get_scale of llama-adapter.h: alpha over the rank of that tensor, 1 where alpha is 0.</summary>
    [Theory]
    [InlineData(16f, 8f)]
    [InlineData(0f, 1f)]
    public void Read_Alpha_IsScaledByTheRank(float alpha, float scaling)
    {
        Save(metadata => metadata.Add("adapter.lora.alpha", alpha), "blk.0.ffn_down", [2, 5], [6, 2]);
        Assert.Equal(scaling, Assert.Single(GgufAdapterReader.Read(File, "x", null).Modules).Scaling);
    }

    [Fact]
    public void Read_QueryWithoutABase_NamesTheMend()
    {
        Save(_ => { }, "blk.0.attn_q", [2, 6], [8, 2]);
        Assert.Contains("give --model", Refused(), StringComparison.Ordinal);
        Assert.Single(GgufAdapterReader.Read(File, "x", Config).Modules);
        Assert.Contains("8 rows", Assert.Throws<BadInputException>(
            () => GgufAdapterReader.Read(File, "x", Config with { NumAttentionHeads = 3 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("general.type", "model", "not a whole model")]
    [InlineData("general.architecture", "gemma3", "gemma3")]
    [InlineData("adapter.type", "control", "control")]
    [InlineData("adapter.alora.invocation_tokens", "x", "activated LoRA")]
    public void Read_OtherKey_IsRefusedByName(string key, string value, string named)
    {
        Save(metadata => metadata.Add(key, value), "blk.0.ffn_down", [2, 5], [6, 2]);
        Assert.Contains(named, Refused(), StringComparison.Ordinal);
        Assert.Contains($"'{key}'", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OtherArchitectureThanTheBase_IsRefused()
    {
        Save(_ => { }, "blk.0.ffn_down", [2, 5], [6, 2]);
        Assert.Contains("'general.architecture'", Assert.Throws<BadInputException>(
            () => GgufAdapterReader.Read(File, "x", Config with { Family = DecoderFamily.Qwen2 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blk.0.attn_norm", "no factor of a module")]
    [InlineData("blk.0.ssm_in", "no factor of a module")]
    public void Read_ForeignTensor_IsNamed(string stem, string named)
    {
        Save(_ => { }, stem, [2, 5], [6, 2], suffixB: stem.EndsWith("norm") ? ".weight" : ".weight.lora_b");
        Assert.Contains(named, Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_RanksOrPartnersThatDoNotFit_AreRefused()
    {
        Save(_ => { }, "blk.0.ffn_down", [2, 5], [6, 3]);
        Assert.Contains("ranks differ", Refused(), StringComparison.Ordinal);
        Save(_ => { }, "blk.0.ffn_down", [2, 5], [6, 2], suffixB: ".weight.lora_a2");
        Assert.Contains("no factor", Refused(), StringComparison.Ordinal);
        Save(_ => { }, "blk.0.ffn_down", [2, 5], null);
        Assert.Contains("missing beside its partner", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_TiedHeadOrForeignModule_IsRefused()
    {
        void Refuse(string named, LlamaConfig config, LoraModule module) => Assert.Contains(named, Assert.Throws<BadInputException>(
            () => GgufAdapterWriter.Write(File, Adapter(module), config, StorageFormat.F32)).Message, StringComparison.Ordinal);
        Refuse("tied", Config with { TieWordEmbeddings = true }, Module("lm_head", 7, 6));
        Refuse("tied", Config with { TieWordEmbeddings = true }, Module("model.embed_tokens", 7, 6));
        Refuse("does not have", Config, Module("model.layers.1.mlp.up_proj", 5, 6));
        Refuse("[5, 6] in the base", Config, Module("model.layers.0.mlp.up_proj", 6, 6));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void AdapterReader_FolderOrFile_IsNamedAfterIt()
    {
        Save(_ => { }, "blk.0.ffn_down", [2, 5], [6, 2]);
        Assert.Equal(Path.GetFileName(folder.Path), AdapterReader.Read(folder.Path).Name);
        Assert.Equal("adapter", AdapterReader.Read(File).Name);
        Assert.Equal([File], AdapterReader.Files(folder.Path));
        System.IO.File.Copy(File, folder.File("second.gguf"));
        Assert.Contains("2 GGUF files", Assert.Throws<BadInputException>(() => AdapterReader.Read(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AdapterReader_Mlx_NamesTheWayOut()
    {
        System.IO.File.WriteAllBytes(folder.File("adapters.safetensors"), [0]);
        System.IO.File.WriteAllText(
            folder.File("adapter_config.json"), """{"fine_tune_type": "lora", "lora_parameters": {"rank": 8, "scale": 20.0}}""");
        var message = Assert.Throws<BadInputException>(() => AdapterReader.Read(folder.Path)).Message;
        Assert.StartsWith(folder.File("adapters.safetensors"), message, StringComparison.Ordinal);
        Assert.Contains("MLX", message, StringComparison.Ordinal);
        Assert.Contains("transposes", message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private string Refused()
    {
        var message = Assert.Throws<BadInputException>(() => GgufAdapterReader.Read(File, "x", null)).Message;
        Assert.StartsWith(File, message, StringComparison.Ordinal);
        return message;
    }

    private static PeftAdapter Adapter(params LoraModule[] modules) => new("x", new PeftAdapterConfig { Rank = 2, LoraAlpha = 6 }, modules);

    /// <summary>Rank 2, scaling 3, LoraB counting from 0.</summary>
    private static LoraModule Module(string name, int outFeatures, int inFeatures) => new(
        name, inFeatures, outFeatures, 2, [.. Enumerable.Range(5, 2 * inFeatures).Select(i => (float)i)],
        [.. Enumerable.Range(0, outFeatures * 2).Select(i => (float)i)], 3);

    private void Save(Action<GgufMetadata> first, string stem, int[] a, int[]? b, string suffixB = ".weight.lora_b")
    {
        var metadata = new GgufMetadata("x");
        first(metadata);
        foreach (var (key, value) in (ReadOnlySpan<(string, string)>)
            [("general.type", "adapter"), ("general.architecture", "llama"), ("adapter.type", "lora")])
        {
            if (!metadata.Has(key)) metadata.Add(key, value);
        }

        var tensors = new List<GgufTensor> { Tensor(stem + ".weight.lora_a", a) };
        if (b is not null) tensors.Add(Tensor(stem + suffixB, b));
        GgufWriter.Write(File, metadata, tensors);
    }

    private static GgufTensor Tensor(string name, int[] shape) =>
        new(new TensorData(name, shape, new float[shape[0] * shape[1]]).ToSource(), StorageFormat.F32);
}
