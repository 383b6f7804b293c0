using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>Gradients of every weight, laid out as <see cref="DenseWeights"/>.</summary>
internal sealed class FullGradients(DenseWeights gradients, SharedWork work) : IGradientSink
{
    private const int ColumnsAtOnce = 32; // of the embedding: two cache lines

    private readonly LlamaConfig config = gradients.Config;

    public bool WantsEmbeddings => true;

    public DenseWeights Gradients => gradients;

    public void AddLinear(int layer, int linear, int rows, float[] input, float[] outputGradient)
    {
        var (_, outFeatures, inFeatures) = config.LinearModules[linear];
        work.Multiply( // dW[out, in] += dy[rows, out]^T * x[rows, in]
            outFeatures, inFeatures, rows, outputGradient.AsSpan(0, rows * outFeatures), true, input, false,
            gradients.Layers[layer].Linears[linear], accumulate: true);
        if (gradients.Layers[layer].Biases[linear] is not { } bias) return;
        work.ForRows(rows, bias, (first, count, partial) =>
        {
            for (var row = first; row < first + count; row++)
                FloatVectors.Add(outputGradient.AsSpan(row * outFeatures, outFeatures), partial);
        });
    }

    public float[]? NormGradient(int layer, int norm) =>
        layer == gradients.Layers.Count ? gradients.Norm : gradients.Layers[layer].Norms[norm];

    public void AddHead(int rows, ReadOnlyMemory<float> states, float[] logitsGradient) => work.Multiply(
        config.VocabSize, config.HiddenSize, rows, logitsGradient.AsSpan(0, rows * config.VocabSize), true, states, false,
        gradients.LmHead, accumulate: true);

    public void AddEmbedding(ReadOnlyMemory<int> tokens, float[] inputGradient)
    {
        var width = config.HiddenSize;
        work.Team.Run((width + ColumnsAtOnce - 1) / ColumnsAtOnce, item =>
        {
            var first = item * ColumnsAtOnce;
            var count = Math.Min(ColumnsAtOnce, width - first);
            for (var row = 0; row < tokens.Length; row++)
            {
                FloatVectors.Add(
                    inputGradient.AsSpan((row * width) + first, count),
                    gradients.EmbedTokens.AsSpan((tokens.Span[row] * width) + first, count));
            }
        });
    }
}
