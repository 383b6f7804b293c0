namespace Cuvee.Configuration;

/// <summary>What one stage of a search varies.</summary>
public enum StageKind
{
    /// <summary><c>keep-fractions</c>: the paper's sparsity-based denoising; weights stay at 1/N.</summary>
    KeepFractions,

    /// <summary><c>weights</c>: the paper's sign-aware scaling; keep fractions stay at the previous stage's result.</summary>
    Weights,
}
