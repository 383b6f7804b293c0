using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

internal static class TinyModel
{
    public static LlamaConfig Config(bool tied) => new()
    {
        HiddenSize = 20,
        IntermediateSize = 26,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 6,
        VocabSize = 31,
        MaxPositionEmbeddings = 32,
        TieWordEmbeddings = tied,
        EosTokenIds = [1],
    };

    public static DenseWeights Random(LlamaConfig config, ulong seed)
    {
        var random = new SeededRandom(seed);
        var names = new Dictionary<string, int[]>
        {
            ["model.embed_tokens.weight"] = [config.VocabSize, config.HiddenSize],
            ["model.norm.weight"] = [config.HiddenSize],
        };
        if (!config.TieWordEmbeddings) names["lm_head.weight"] = [config.VocabSize, config.HiddenSize];
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            names[$"model.layers.{layer}.input_layernorm.weight"] = [config.HiddenSize];
            names[$"model.layers.{layer}.post_attention_layernorm.weight"] = [config.HiddenSize];
            foreach (var (path, outFeatures, inFeatures) in config.LinearModules)
                names[$"model.layers.{layer}.{path}.weight"] = [outFeatures, inFeatures];
            foreach (var linear in config.LinearModules.Where(linear => linear.HasBias))
                names[$"model.layers.{layer}.{linear.Path}.bias"] = [linear.OutFeatures];
            if (!config.Family.HasQkNorm) continue;
            names[$"model.layers.{layer}.self_attn.q_norm.weight"] = [config.HeadDim];
            names[$"model.layers.{layer}.self_attn.k_norm.weight"] = [config.HeadDim];
        }

        return DenseWeights.FromTensors(config, names.Select(e =>
        {
            var values = new float[e.Value.Aggregate((a, b) => a * b)];
            var mean = e.Key.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0;
            for (var i = 0; i < values.Length; i++) values[i] = (float)((random.NextGaussian() * 0.3) + mean);
            return new TensorData(e.Key, e.Value, values);
        }));
    }

    /// <summary>What the other families add to Llama's block, each with head dimensions off and on the vector widths.</summary>
    public static LlamaConfig Config(string kind) => kind switch
    {
        "llama" => Config(tied: true),
        "head dimension 40" => Config(tied: false) with { NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 40 },
        "long sequences" => Config(tied: true) with { MaxPositionEmbeddings = 160, HeadDim = 32 },
        "qwen2" => Config(tied: true) with { Family = DecoderFamily.Qwen2, HeadDim = 32, NumKeyValueHeads = 1 },
        "qwen3" => Config(tied: false) with { Family = DecoderFamily.Qwen3, HeadDim = 10 },
        "mistral" => Config(tied: false) with { Family = DecoderFamily.Mistral, SlidingWindow = 5 },
        "biases everywhere" => Config(tied: true) with { AttentionBias = true, MlpBias = true },
        "llama3 positions" => Config(tied: true) with { HeadDim = 16, RopeScaling = new Llama3RopeScaling(8, 1, 4, 16) },
        "linear positions" => Config(tied: true) with { RopeScaling = new LinearRopeScaling(3) },
        _ => throw new ArgumentException($"There is no kind {kind}.", nameof(kind)),
    };

    public static TheoryData<string> Kinds =>
    [
        "llama", "head dimension 40", "long sequences", "qwen2", "qwen3", "mistral", "biases everywhere", "llama3 positions",
        "linear positions",
    ];

    public static TrainingExample[] Batch(LlamaConfig config, ulong seed, params (int Length, int ScoredFrom)[] shapes)
    {
        var random = new SeededRandom(seed);
        return [.. shapes.Select(s =>
            new TrainingExample([.. Enumerable.Range(0, s.Length).Select(_ => random.NextInt32(config.VocabSize))], s.ScoredFrom))];
    }

    /// <summary>Fresh factors have LoraB zero, which hides half of what a test should see.</summary>
    public static void FillLoraB(LoraParameters factors, ulong seed)
    {
        var random = new SeededRandom(seed);
        foreach (var module in factors.Modules.SelectMany(m => m))
        {
            for (var i = 0; i < module.LoraB.Length; i++) module.LoraB[i] = (float)(random.NextGaussian() * 0.1);
        }
    }
}
