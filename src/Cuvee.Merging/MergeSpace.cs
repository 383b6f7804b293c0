namespace Cuvee.Merging;

/// <summary>How weighted adapters are combined (arXiv 2509.12951). S keeps the largest-magnitude entries of each LoraA.</summary>
public enum MergeSpace
{
    /// <summary>
    /// <c>(sum w_i Scaling_i LoraB_i) (sum w_i S(LoraA_i, keep_i))</c>: rank stays r, cross terms, w and -w give the same model.
    /// </summary>
    Factors,

    /// <summary><c>sum w_i Scaling_i LoraB_i S(LoraA_i, keep_i)</c>: the exact signed sum.</summary>
    Delta,
}
