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

    public float[] InputLayerNorm => Norms[0];

    public float[] PostAttentionLayerNorm => Norms[1];
}
