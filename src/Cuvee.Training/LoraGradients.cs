using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>Gradients of LoRA factors; everything else is frozen.</summary>
internal sealed class LoraGradients(LoraParameters parameters, LoraParameters gradients) : IGradientSink
{
    private float[] projected = []; // [rows, rank]

    public bool WantsEmbeddings => false;

    public LoraParameters Gradients => gradients;

    public void AddLinear(int layer, int linear, int rows, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient)
    {
        var module = parameters.Modules[layer][linear];
        var target = gradients.Modules[layer][linear];
        var rank = module.Rank;
        if (projected.Length < rows * rank) projected = new float[rows * rank * 2];
        var low = projected.AsSpan(0, rows * rank);

        // dB[out, rank] += dy^T * (x * A^T) * scaling
        Gemm.Multiply(
            rows, rank, module.InFeatures, input, module.InFeatures, false, module.LoraA, module.InFeatures, true,
            low, rank, false);
        ScaleBy(low, module.Scaling);
        Gemm.Multiply(module.OutFeatures, rank, rows, outputGradient, module.OutFeatures, true, low, rank, false, target.LoraB, rank, true);

        // dA[rank, in] += (dy * B)^T * x * scaling
        Gemm.Multiply(
            rows, rank, module.OutFeatures, outputGradient, module.OutFeatures, false, module.LoraB, rank, false,
            low, rank, false);
        ScaleBy(low, module.Scaling);
        Gemm.Multiply(
            rank, module.InFeatures, rows, low, rank, true, input, module.InFeatures, false,
            target.LoraA, module.InFeatures, true);
    }

    public Span<float> NormGradient(int layer, bool postAttention) => [];

    public void AddHead(int rows, ReadOnlySpan<float> hidden, ReadOnlySpan<float> logitsGradient)
    {
    }

    public void AddEmbedding(ReadOnlySpan<int> tokens, ReadOnlySpan<float> inputGradient)
    {
    }

    private static void ScaleBy(Span<float> x, float factor)
    {
        for (var i = 0; i < x.Length; i++) x[i] *= factor;
    }
}
