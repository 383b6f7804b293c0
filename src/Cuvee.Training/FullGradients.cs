using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>Gradients of every weight, laid out as <see cref="DenseWeights"/>.</summary>
internal sealed class FullGradients(DenseWeights gradients) : IGradientSink
{
    private readonly LlamaConfig config = gradients.Config;

    public bool WantsEmbeddings => true;

    public DenseWeights Gradients => gradients;

    public void AddLinear(int layer, int linear, int rows, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient)
    {
        var (_, outFeatures, inFeatures) = config.LinearModules[linear];
        Gemm.Multiply( // dW[out, in] += dy[rows, out]^T * x[rows, in]
            outFeatures, inFeatures, rows, outputGradient, outFeatures, true, input, inFeatures, false,
            gradients.Layers[layer].Linears[linear], inFeatures, true);
    }

    public Span<float> NormGradient(int layer, bool postAttention)
    {
        if (layer == gradients.Layers.Count) return gradients.Norm;
        return postAttention ? gradients.Layers[layer].PostAttentionLayerNorm : gradients.Layers[layer].InputLayerNorm;
    }

    public void AddHead(int rows, ReadOnlySpan<float> hidden, ReadOnlySpan<float> logitsGradient) =>
        Gemm.Multiply(
            config.VocabSize, config.HiddenSize, rows, logitsGradient, config.VocabSize, true, hidden, config.HiddenSize, false,
            gradients.LmHead, config.HiddenSize, true);

    public void AddEmbedding(ReadOnlySpan<int> tokens, ReadOnlySpan<float> inputGradient)
    {
        var width = config.HiddenSize;
        for (var row = 0; row < tokens.Length; row++)
            TrainingKernels.Add(gradients.EmbedTokens.AsSpan(tokens[row] * width, width), inputGradient.Slice(row * width, width));
    }
}
