using Cuvee.Merging.Sparsification;

namespace Cuvee.Merging.Methods;

/// <summary>
/// Sparse masks that leave out both tails: in every tensor of a task vector the <c>gamma</c> fraction of largest magnitudes goes, then the
/// smallest ones until <c>density</c> of the entries is left; then lambda times the weighted sum. Where the two ask for more than there is,
/// fewer of the largest go, as in mergekit: the density holds. Counts are rounded, half to even; entries as large as one that stays stay.
/// </summary>
public sealed class BreadcrumbsMerge : IMergeMethod
{
    public string Name => "breadcrumbs";

    public string Reference => "Davari and Belilovsky, arXiv 2312.06795";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new("density", 1, 0, 1, "Fraction of each tensor's entries that is kept."),
        new("gamma", 0.01, 0, 1, "Fraction of each tensor's entries, the largest magnitudes, that is dropped.") { SearchRange = (0, 0.5) },
        MergeParameter.Lambda,
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight, MergeParameter.AdapterDensity];

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (densities, gamma, lambda, weights) =
            (arguments.OfAdapters("density"), arguments["gamma"], arguments["lambda"], arguments.OfAdapters("weight"));
        return (taskVectors, merged) =>
        {
            merged.Clear();
            var entries = merged.Length;
            long Kept(int i) => MagnitudeSparsifier.KeptCount(entries, densities[i]);
            long Largest(int i) => Math.Min((long)Math.Round(gamma * entries, MidpointRounding.ToEven), entries - Kept(i));
            var upper = MagnitudeSelection.AtRanks([taskVectors.Deltas], weights.Length, (i, _) => Math.Min(Largest(i) + 1, entries));
            var lower = MagnitudeSelection.AtRanks([taskVectors.Deltas], weights.Length, (i, _) => Math.Max(1, Largest(i) + Kept(i)));
            for (var i = 0; i < weights.Length; i++)
            {
                if (densities[i] > 0) AddBetween(taskVectors.Deltas[i].Span, lower[i], upper[i], lambda * weights[i], merged);
            }
        };
    }

    private static void AddBetween(ReadOnlySpan<float> source, float lower, float upper, double scale, Span<float> merged)
    {
        for (var j = 0; j < merged.Length; j++)
        {
            var magnitude = Math.Abs(source[j]);
            if (magnitude >= lower && magnitude <= upper) merged[j] += (float)(scale * source[j]);
        }
    }
}
