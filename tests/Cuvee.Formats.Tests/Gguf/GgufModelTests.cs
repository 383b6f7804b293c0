using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.Gguf;

public sealed class GgufModelTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static LlamaConfig Plain { get; } = new()
    {
        HiddenSize = 32,
        IntermediateSize = 40,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 6,
        VocabSize = 11,
        MaxPositionEmbeddings = 128,
        RmsNormEps = 1e-6,
        RopeTheta = 500000,
        BosTokenId = 1,
        EosTokenIds = [2, 5, 7],
    };

    public static TheoryData<string> Models { get; } = ["llama", "tied", "biases", "linear", "llama3", "mistral", "qwen2", "qwen3"];

    private static LlamaConfig Config(string name) => name switch
    {
        "tied" => Plain with { TieWordEmbeddings = true, EosTokenIds = [2], BosTokenId = null },
        "biases" => Plain with { AttentionBias = true, MlpBias = true },
        "linear" => Plain with { RopeScaling = new LinearRopeScaling(2.5) },
        "llama3" => Plain with { HeadDim = 64, RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192) },
        "mistral" => Plain with { Family = DecoderFamily.Mistral },
        "qwen2" => Plain with { Family = DecoderFamily.Qwen2, HeadDim = 8, TieWordEmbeddings = true },
        "qwen3" => Plain with { Family = DecoderFamily.Qwen3, HeadDim = 12 },
        _ => Plain,
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Write_ThenRead_GivesConfigAndValues(string name)
    {
        var config = Config(name);
        var file = GgufReader.Open(Write(config, StorageFormat.F32));
        var read = GgufModelReader.ReadConfig(file);
        // llama.cpp knows Mistral as Llama.
        var family = name == "mistral" ? DecoderFamily.Llama : config.Family;
        Assert.Equal(config.EosTokenIds, read.EosTokenIds);
        Assert.Equal(config with { EosTokenIds = read.EosTokenIds, Family = family }, read);
        var weights = GgufModelReader.ReadWeights(file, read);
        Assert.Equal(LlamaTensorLayout.Tensors(config).Select(tensor => tensor.Name).Order(), weights.Keys.Order());
        foreach (var tensor in Tensors(config)) Assert.Equal(tensor.Value.ToSingles(), weights[tensor.Key].ToSingles());
    }

    /// <summary>llama.cpp's converter: reshape(heads, 2, dim / 2).swapaxes(1, 2), here for two heads of 6 written out.</summary>
    [Fact]
    public void Write_Llama_InterleavesQueryAndKeyRows()
    {
        var file = GgufReader.Open(Write(Plain, StorageFormat.F32));
        var tensors = Tensors(Plain);
        int[] order = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
        var key = tensors["model.layers.1.self_attn.k_proj.weight"];
        var stored = file.Matrix("blk.1.attn_k.weight");
        for (var row = 0; row < order.Length; row++) Assert.Equal(Row(key, order[row]), Row(stored, row));
        Assert.Equal(tensors["model.layers.1.self_attn.v_proj.weight"].ToSingles(), file.Matrix("blk.1.attn_v.weight").ToSingles());
        Assert.Equal(Row(tensors["model.layers.0.self_attn.q_proj.weight"], 18 + 4), Row(file.Matrix("blk.0.attn_q.weight"), 18 + 3));
    }

    [Fact]
    public void Write_Qwen_KeepsRows()
    {
        var config = Config("qwen3");
        var file = GgufReader.Open(Write(config, StorageFormat.F32));
        Assert.Equal(Tensors(config)["model.layers.0.self_attn.q_proj.weight"].ToSingles(), file.Matrix("blk.0.attn_q.weight").ToSingles());
    }

    /// <summary>Llama 3.2's parameters; computed by the published formula in another language.</summary>
    [Fact]
    public void Write_Llama3Scaling_WritesThePublishedFactors()
    {
        var factors = GgufReader.Open(Write(Config("llama3"), StorageFormat.F32)).Matrix(GgufTensorNames.RopeFactors).ToSingles();
        Assert.Equal(32, factors.Length);
        Assert.Equal([1, 1, 1.651329f, 3.292262f, 9.666729f, 32, 32],
            [factors[0], factors[14], factors[15], factors[16], factors[17], factors[18], factors[31]],
            (expected, actual) => Math.Abs(expected - actual) <= 1e-5f * expected);
    }

    [Theory]
    [InlineData(StorageFormat.F16)]
    [InlineData(StorageFormat.BF16)]
    [InlineData(StorageFormat.Q80)]
    public void Write_SmallerFormat_KeepsVectorsInFp32(StorageFormat format)
    {
        var config = Config("biases");
        var file = GgufReader.Open(Write(config, format));
        Assert.Equal(StorageFormat.F32, file.Tensors["blk.0.attn_norm.weight"].Format);
        Assert.Equal(StorageFormat.F32, file.Tensors["blk.0.attn_q.bias"].Format);
        Assert.Equal(format, file.Tensors["token_embd.weight"].Format); // rows of 32
        // Rows of 24 and 40 are no whole blocks.
        Assert.Equal(format == StorageFormat.Q80 ? StorageFormat.F16 : format, file.Tensors["blk.0.attn_output.weight"].Format);
        var expected = Tensors(config)["model.layers.0.self_attn.q_proj.weight"].ToSingles();
        var actual = GgufModelReader.ReadWeights(file,
            GgufModelReader.ReadConfig(file))["model.layers.0.self_attn.q_proj.weight"].ToSingles();
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 0.005 * 1.5);
    }

    [Fact]
    public void Write_SlidingWindow_EndsTheContextThere() => Assert.Equal(
        64, GgufModelReader.ReadConfig(GgufReader.Open(Write(Config("mistral") with { SlidingWindow = 64 },
            StorageFormat.F32))).MaxPositionEmbeddings);

    [Theory]
    [InlineData("attention_bias")]
    [InlineData("mlp_bias")]
    [InlineData("llama3")]
    [InlineData("head_dim")]
    public void Write_WhatLlamaCppLeavesOut_IsRefused(string key)
    {
        var config = key switch
        {
            "attention_bias" => Config("qwen3") with { AttentionBias = true },
            "mlp_bias" => Config("qwen2") with { MlpBias = true },
            "llama3" => Config("qwen3") with { RopeScaling = new Llama3RopeScaling(8, 1, 4, 32) },
            _ => Config("qwen2") with { HeadDim = 10 },
        };
        Assert.Contains(key, Assert.Throws<BadInputException>(() => Write(config, StorageFormat.F32)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("general.architecture", "gemma3")]
    [InlineData("general.type", "adapter")]
    [InlineData("llama.rope.scaling.type", "yarn")]
    public void ReadConfig_OtherText_IsRefusedByKey(string key, string value) => Refuse(metadata => metadata.Add(key, value), $"'{key}'");

    [Theory]
    [InlineData("llama.expert_count", 8u)]
    [InlineData("llama.block_count", 0u)]
    [InlineData("llama.attention.head_count_kv", 3u)]
    [InlineData("llama.attention.value_length", 8u)]
    [InlineData("llama.rope.dimension_count", 4u)]
    [InlineData("tokenizer.ggml.eos_token_id", 11u)]
    public void ReadConfig_OtherNumber_IsRefusedByKey(string key, uint value) => Refuse(metadata => metadata.Add(key, value), $"'{key}'");

    [Fact]
    public void ReadConfig_ForeignFactors_AreRefused() => Refuse(
        _ => { }, GgufTensorNames.RopeFactors, new GgufTensor(new TensorData(GgufTensorNames.RopeFactors, [3], [1, 5, 3]).ToSource(),
            StorageFormat.F32));

    [Fact]
    public void ReadWeights_MissingOrForeignTensor_IsNamed()
    {
        var path = Write(Plain, StorageFormat.F32);
        var config = GgufModelReader.ReadConfig(GgufReader.Open(path));
        var e = Assert.Throws<BadInputException>(() =>
            GgufModelReader.ReadWeights(GgufReader.Open(path), config with { NumHiddenLayers = 3 }));
        Assert.Contains("'blk.2.attn_k.weight'", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<BadInputException>(() => GgufModelReader.ReadWeights(GgufReader.Open(path), config with { NumHiddenLayers = 1 }));
        Assert.Contains("'blk.1.attn_k.weight'", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<BadInputException>(() => GgufModelReader.ReadWeights(GgufReader.Open(path), config with { VocabSize = 12 }));
        Assert.Contains("[11, 32]", e.Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static Dictionary<string, StoredMatrix> Tensors(LlamaConfig config) => LlamaTensorLayout.Tensors(config).ToDictionary(
        tensor => tensor.Name,
        tensor =>
        {
            var (rows, columns) = (tensor.Shape.Count == 1 ? 1 : tensor.Shape[0], tensor.Shape[^1]);
            var seed = tensor.Name.Sum(character => character);
            return StoredMatrix.Over(rows, columns,
                [.. Enumerable.Range(seed, rows * columns).Select(i => ((i * 37) % 101 / 100f) - 0.5f)]);
        });

    private static float[] Row(StoredMatrix matrix, int row)
    {
        var values = new float[matrix.Columns];
        matrix.ReadRow(row, values);
        return values;
    }

    private string Write(LlamaConfig config, StorageFormat format)
    {
        var path = folder.File("model.gguf");
        GgufModelWriter.Write(path, "tiny", config, metadata => AddTokens(metadata, config), Tensors(config), format);
        return path;
    }

    private static void AddTokens(GgufMetadata metadata, LlamaConfig config)
    {
        if (config.BosTokenId is { } bos) metadata.Add(GgufKeys.Bos, (uint)bos);
        foreach (var (key, id) in ((string[])[GgufKeys.Eos, GgufKeys.EndOfTurn, GgufKeys.EndOfMessage]).Zip(config.EosTokenIds))
            metadata.Add(key, (uint)id);
    }

    /// <summary>The keys of <see cref="Plain"/> written out, with what <paramref name="first"/> adds in their place.</summary>
    private void Refuse(Action<GgufMetadata> first, string named, params GgufTensor[] tensors)
    {
        var metadata = new GgufMetadata("x");
        first(metadata);
        foreach (var (key, value) in (ReadOnlySpan<(string, uint)>)
        [
            ("llama.context_length", 128), ("llama.embedding_length", 32), ("llama.block_count", 2), ("llama.feed_forward_length", 40),
            ("llama.attention.head_count", 4), ("llama.attention.head_count_kv", 2), ("llama.attention.key_length", 6), (GgufKeys.Eos, 2),
        ])
        {
            if (!metadata.Has(key)) metadata.Add(key, value);
        }

        if (!metadata.Has(GgufKeys.Architecture)) metadata.Add(GgufKeys.Architecture, "llama");
        metadata.Add("llama.attention.layer_norm_rms_epsilon", 1e-6f);
        var path = folder.File("keys.gguf");
        GgufWriter.Write(
            path, metadata, [new GgufTensor(new TensorData("token_embd.weight", [11, 32], new float[352]).ToSource(), StorageFormat.F32),
                .. tensors]);
        var message = Assert.Throws<BadInputException>(() => GgufModelReader.ReadConfig(GgufReader.Open(path))).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }
}
