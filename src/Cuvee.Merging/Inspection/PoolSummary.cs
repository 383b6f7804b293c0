using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Inspection;

/// <summary>A pool in a few numbers.</summary>
/// <param name="Adapters">How many.</param>
/// <param name="Parameters">Numbers in all LoraA and LoraB.</param>
/// <param name="Ranks">Every combination of ranks within an adapter, the most frequent first.</param>
/// <param name="Norms">Of the adapters' updates.</param>
/// <param name="CommonModules">Modules of the most frequent set of modules.</param>
/// <param name="AdaptersWithCommonModules">How many adapt exactly that set.</param>
public sealed record PoolSummary(
    int Adapters, long Parameters, IReadOnlyList<RankCount> Ranks, NormRange Norms, int CommonModules, int AdaptersWithCommonModules)
{
    internal static PoolSummary Of(AdapterPool pool, IReadOnlyList<AdapterInspection> adapters)
    {
        static string Modules(PeftAdapter adapter) => string.Join('\n', adapter.Modules.Select(module => module.Name));
        var common = pool.Adapters.GroupBy(Modules).OrderByDescending(group => group.Count()).First();
        return new PoolSummary(
            adapters.Count,
            adapters.Sum(adapter => adapter.Parameters),
            [.. adapters.GroupBy(adapter => string.Join(' ', adapter.Ranks))
                .Select(group => new RankCount(group.First().Ranks, group.Count()))
                .OrderByDescending(count => count.Adapters).ThenBy(count => count.Ranks[0])],
            NormRange.Of([.. adapters.Select(adapter => adapter.DeltaNorm)]),
            common.First().Modules.Count,
            common.Count());
    }
}

/// <param name="Ranks">Distinct ranks of an adapter's modules, rising.</param>
/// <param name="Adapters">How many adapters have them.</param>
public sealed record RankCount(IReadOnlyList<int> Ranks, int Adapters);

/// <summary>Frobenius norms of the updates over all modules.</summary>
public sealed record NormRange(double Min, double Median, double Max)
{
    internal static NormRange Of(IReadOnlyList<double> norms)
    {
        var sorted = norms.Order().ToList();
        return new NormRange(sorted[0], MedianOf(sorted), sorted[^1]);
    }

    /// <param name="sorted">At least one, rising.</param>
    internal static double MedianOf(IReadOnlyList<double> sorted) =>
        (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
