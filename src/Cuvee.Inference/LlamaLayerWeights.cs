namespace Cuvee.Inference;

/// <summary>fp32 weights of one block, row-major [out, in]; biases [out]; norms [hidden], of queries and keys [headDim].</summary>
public sealed class LlamaLayerWeights
{
    /// <summary>In the order of <c>LlamaConfig.LinearModules</c>.</summary>
    public required IReadOnlyList<float[]> Linears { get; init; }

    /// <summary>In the same order; null where a module has none.</summary>
    public required IReadOnlyList<float[]?> Biases { get; init; }

    /// <summary>In the order of <c>LlamaConfig.Norms</c>.</summary>
    public required IReadOnlyList<float[]> Norms { get; init; }

    public float[] InputLayerNorm => Norms[0];

    public float[] PostAttentionLayerNorm => Norms[1];

    public float[] QProj => Linears[0];

    public float[] KProj => Linears[1];

    public float[] VProj => Linears[2];

    public float[] OProj => Linears[3];

    public float[] GateProj => Linears[4];

    public float[] UpProj => Linears[5];

    public float[] DownProj => Linears[6];

    /// <summary>The same block with other linear weights; biases and norms are shared.</summary>
    public LlamaLayerWeights WithLinears(IReadOnlyList<float[]> linears) => new() { Linears = linears, Biases = Biases, Norms = Norms };
}
