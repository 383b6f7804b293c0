using Cuvee.Formats.Safetensors;
using Cuvee.Inference;

namespace Cuvee.Training;

internal static class WeightBuffer
{
    /// <summary>Zeros in the layout of <paramref name="source"/>, a tied head tied.</summary>
    public static LlamaWeights ZerosLike(LlamaWeights source) => LlamaWeights.FromTensors(
        source.Config,
        source.ToTensors().ToDictionary(t => t.Name, t => new TensorData(t.Name, t.Shape, new float[t.Values.Length])));
}
