namespace Cuvee.Training;

/// <summary>
/// One block: linears [out, in] and biases [out] in the order of <c>LlamaConfig.LinearModules</c>, norms in that of
/// <c>LlamaConfig.Norms</c>.
/// </summary>
public sealed class DenseLayerWeights
{
    public required IReadOnlyList<float[]> Linears { get; init; }

    /// <summary>Null where a module has none.</summary>
    public required IReadOnlyList<float[]?> Biases { get; init; }

    public required IReadOnlyList<float[]> Norms { get; init; }
}
