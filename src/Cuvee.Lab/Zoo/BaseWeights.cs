using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// Fresh weights: normal with 0.02, the two projections that write into the residual stream scaled by 1 / sqrt(2 layers), norms 1.
/// </summary>
internal static class BaseWeights
{
    private const double Deviation = 0.02;

    public static DenseWeights Draw(LlamaConfig config, SeededRandom random)
    {
        var tensors = new List<TensorData>();
        void Add(string name, int[] shape, double deviation)
        {
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = deviation == 0 ? 1f : (float)(random.NextGaussian() * deviation);
            tensors.Add(new TensorData(name, shape, values));
        }

        Add("model.embed_tokens.weight", [config.VocabSize, config.HiddenSize], Deviation);
        var residual = Deviation / Math.Sqrt(2.0 * config.NumHiddenLayers);
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            Add($"model.layers.{layer}.input_layernorm.weight", [config.HiddenSize], 0);
            Add($"model.layers.{layer}.post_attention_layernorm.weight", [config.HiddenSize], 0);
            foreach (var (path, outFeatures, inFeatures) in config.LinearModules)
            {
                var writes = path is "self_attn.o_proj" or "mlp.down_proj";
                Add($"model.layers.{layer}.{path}.weight", [outFeatures, inFeatures], writes ? residual : Deviation);
            }
        }

        Add("model.norm.weight", [config.HiddenSize], 0);
        return DenseWeights.FromTensors(config, tensors);
    }
}
