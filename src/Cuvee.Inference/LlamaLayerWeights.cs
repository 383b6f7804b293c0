using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>Weights of one block: matrices [out, in] as stored; biases [out]; norms [hidden], of queries and keys [headDim].</summary>
public sealed class LlamaLayerWeights
{
    /// <summary>In the order of <c>LlamaConfig.LinearModules</c>.</summary>
    public required IReadOnlyList<StoredMatrix> Linears { get; init; }

    /// <summary>In the same order; null where a module has none.</summary>
    public required IReadOnlyList<float[]?> Biases { get; init; }

    /// <summary>In the order of <c>LlamaConfig.Norms</c>.</summary>
    public required IReadOnlyList<float[]> Norms { get; init; }

    /// <summary>
    /// What the hidden state is multiplied by on its way into the block, the residual included (arXiv 2403.13187, section 3.2); not 0.
    /// </summary>
    public float InputScale { get; init; } = 1;

    public float[] InputLayerNorm => Norms[0];

    public float[] PostAttentionLayerNorm => Norms[1];
}
