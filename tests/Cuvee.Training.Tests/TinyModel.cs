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
        }

        return DenseWeights.FromTensors(config, names.Select(e =>
        {
            var values = new float[e.Value.Aggregate((a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = (float)((random.NextGaussian() * 0.3) + (e.Value.Length == 1 ? 1 : 0));
            return new TensorData(e.Key, e.Value, values);
        }));
    }

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
