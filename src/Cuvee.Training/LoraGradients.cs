using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>Gradients of LoRA factors; everything else is frozen.</summary>
internal sealed class LoraGradients(LoraParameters parameters, LoraParameters gradients, SharedWork work) : IGradientSink
{
    private float[] projected = []; // [rows, rank]

    public bool WantsEmbeddings => false;

    public LoraParameters Gradients => gradients;

    public void AddLinear(int layer, int linear, int rows, float[] input, float[] outputGradient)
    {
        var module = parameters.Modules[layer][linear];
        var target = gradients.Modules[layer][linear];
        var (rank, inFeatures, outFeatures) = (module.Rank, module.InFeatures, module.OutFeatures);
        BatchRows.Grow(ref projected, checked(rows * rank));
        var low = projected.AsSpan(0, rows * rank);
        var x = input.AsSpan(0, rows * inFeatures);
        var dy = outputGradient.AsSpan(0, rows * outFeatures);

        // dB[out, rank] += dy^T * (x * A^T) * scaling
        work.Multiply(rows, rank, inFeatures, x, false, module.LoraA, true, low, accumulate: false);
        FloatVectors.Scale(module.Scaling, low);
        work.Multiply(outFeatures, rank, rows, dy, true, projected, false, target.LoraB, accumulate: true);

        // dA[rank, in] += (dy * B)^T * x * scaling
        work.Multiply(rows, rank, outFeatures, dy, false, module.LoraB, false, low, accumulate: false);
        FloatVectors.Scale(module.Scaling, low);
        work.Multiply(rank, inFeatures, rows, low, true, input, false, target.LoraA, accumulate: true);
    }

    public float[]? NormGradient(int layer, int norm) => null;

    public void AddHead(int rows, ReadOnlyMemory<float> states, float[] logitsGradient)
    {
    }

    public void AddEmbedding(ReadOnlyMemory<int> tokens, float[] inputGradient)
    {
    }
}
