using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Inspection;

/// <summary>
/// Norms and similarities of a pool's updates from r x r Gram matrices, never from a full update; sign conflict from evenly spaced rows.
/// Deterministic.
/// </summary>
public static class PoolInspection
{
    /// <summary>
    /// Updates have so many entries that those of unrelated adapters are orthogonal; in the zoo adapters of one data set have 0.05 to 0.15.
    /// </summary>
    public const double DefaultGroupCosine = 0.04;

    /// <param name="rowsPerModule">Rows of each module that the sign conflict is counted on; at least 1, all rows when the module has no
    /// more.</param>
    /// <param name="groupCosine">Adapters are grouped as long as the mean cosine between two groups is at least this.</param>
    public static PoolReport Inspect(AdapterPool pool, int rowsPerModule = 64, double groupCosine = DefaultGroupCosine)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rowsPerModule);
        var count = pool.Adapters.Count;
        var products = new double[count][]; // [adapters][adapters] inner products of the updates
        for (var i = 0; i < count; i++) products[i] = new double[count];
        var signs = new SignConflictCounter(count);
        using var team = new ThreadTeam();
        foreach (var name in pool.ModuleNames)
        {
            var module = new PooledModule(name, pool);
            DeltaInnerProducts.Accumulate(module, products, team);
            signs.Accumulate(module, rowsPerModule, team);
        }

        var adapters = pool.Adapters.Select((adapter, i) => Describe(adapter, Math.Sqrt(Math.Max(0, products[i][i])))).ToList();
        var cosine = Cosine(products);
        var duplicates = PoolGroups.NearDuplicates(cosine);
        return new PoolReport
        {
            Adapters = adapters,
            Summary = PoolSummary.Of(pool, adapters),
            CosineSimilarity = cosine,
            SignConflict = signs.Shares(),
            SignEntries = (signs.CountedEntries, signs.TotalEntries),
            Groups = PoolGroups.Find(adapters, cosine, groupCosine),
            NearDuplicates = duplicates,
            Outliers = PoolGroups.Outliers(adapters),
            Problems = PoolProblems.Find(pool, adapters, duplicates),
        };
    }

    private static AdapterInspection Describe(PeftAdapter adapter, double norm) => new(
        adapter.Name,
        [.. adapter.Modules.Select(module => module.Rank).Distinct().Order()],
        [.. adapter.Modules.Select(module => module.Scaling).Distinct().Order()],
        adapter.Modules.Count,
        adapter.Modules.Sum(module => module.LoraA.Count + module.LoraB.Count),
        norm);

    private static double[][] Cosine(double[][] products) =>
        [.. products.Select((row, i) => row.Select((product, j) =>
        {
            var norms = Math.Sqrt(products[i][i] * products[j][j]);
            return i == j && norms > 0 ? 1 : norms > 0 ? Math.Clamp(product / norms, -1, 1) : 0;
        }).ToArray())];
}
