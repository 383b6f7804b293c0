namespace Cuvee.Merging.Methods;

/// <summary>
/// The methods of mergekit's configurations by mergekit's names, with its definitions and defaults (Goddard et al., arXiv 2403.13257).
/// Where they differ from the papers' (<see cref="MergeMethods.Default"/>): counts are cut and not rounded, a tied election goes to the
/// positive side, the mean of an election divides by signed weights, and only <c>ties</c> and <c>della</c> take it unasked. Random drops
/// have mergekit's distribution and Cuvee's seed.
/// </summary>
public static class MergekitMethods
{
    private const string Arithmetic = "Ilharco et al., arXiv 2212.04089";
    private const string Ties = "Yadav et al., arXiv 2306.01708";
    private const string Dare = "Yu et al., arXiv 2311.03099";
    private const string Breadcrumbs = "Davari and Belilovsky, arXiv 2312.06795";
    private const string Della = "Deep et al., arXiv 2406.11617";

    /// <summary>All of them.</summary>
    public static MergeMethods All { get; } = new(
    [
        new LinearMerge(MergeParameter.AnyWeight),
        new TensorSlerp(),
        new Passthrough(),
        new ThinnedTaskArithmetic("task_arithmetic", Arithmetic, Thinning.None, elects: false, normalizes: false, rescales: false),
        new ThinnedTaskArithmetic("ties", Ties, Thinning.Smallest, elects: true, normalizes: true, rescales: false),
        new ThinnedTaskArithmetic("dare_ties", Dare, Thinning.Drop, elects: true, normalizes: false, rescales: true),
        new ThinnedTaskArithmetic("dare_linear", Dare, Thinning.Drop, elects: false, normalizes: false, rescales: true),
        new ThinnedTaskArithmetic("della", Della, Thinning.RankedDrop, elects: true, normalizes: true, rescales: true),
        new ThinnedTaskArithmetic("della_linear", Della, Thinning.RankedDrop, elects: false, normalizes: false, rescales: true),
        new ThinnedTaskArithmetic("breadcrumbs", Breadcrumbs, Thinning.Tails, elects: false, normalizes: false, rescales: false),
        new ThinnedTaskArithmetic("breadcrumbs_ties", Breadcrumbs, Thinning.Tails, elects: true, normalizes: false, rescales: false),
    ]);

    /// <summary>Whether the method merges differences from a base model; the others merge weights.</summary>
    public static bool ReadsTaskVectors(IMergeMethod method) => method is ThinnedTaskArithmetic;

    /// <summary>Copies a tensor: the model's own weights, no difference from a base.</summary>
    public static IMergeMethod Copy { get; } = All.Find("passthrough");
}
