namespace Cuvee.Inference;

/// <summary>fp32 weights of one block, row-major [out, in]; norms [hidden].</summary>
public sealed class LlamaLayerWeights
{
    public required float[] InputLayerNorm { get; init; }

    public required float[] QProj { get; init; }

    public required float[] KProj { get; init; }

    public required float[] VProj { get; init; }

    public required float[] OProj { get; init; }

    public required float[] PostAttentionLayerNorm { get; init; }

    public required float[] GateProj { get; init; }

    public required float[] UpProj { get; init; }

    public required float[] DownProj { get; init; }

    /// <summary>The seven linear weights in the order of <c>LlamaConfig.LinearModules</c>.</summary>
    public IReadOnlyList<float[]> Linears => [QProj, KProj, VProj, OProj, GateProj, UpProj, DownProj];
}
