using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Inspection;

/// <summary>What a person should know about a pool before spending queries on it.</summary>
internal static class PoolProblems
{
    private const int MostPairs = 20; // of near-duplicates that are named one by one
    private const double OutlierRatio = 10; // a norm this many times above or below the median

    public static IReadOnlyList<string> Find(
        AdapterPool pool, IReadOnlyList<AdapterInspection> adapters, IReadOnlyList<NearDuplicate> duplicates)
    {
        var problems = new List<string>();
        foreach (var adapter in adapters.Where(adapter => adapter.DeltaNorm == 0))
        {
            problems.Add($"'{adapter.Name}' changes nothing: its update is zero in every module; exclude it or look for a failed " +
                "training.");
        }

        try
        {
            RecipeChecks.ThrowIfFactorsDiffer(pool.Adapters);
        }
        catch (ArgumentException exception)
        {
            problems.Add(exception.Message);
        }

        foreach (var adapter in pool.Adapters.Where(adapter => adapter.Modules.Any(AdapterPool.IsDora)))
        {
            problems.Add($"'{adapter.Name}' is DoRA: it merges in delta space only and into a folded checkpoint; norms and cosines here " +
                "leave its magnitudes out.");
        }

        AddDeadModules(pool, problems);
        AddOutliers(adapters, problems);
        foreach (var (first, second, cosine) in duplicates.Take(MostPairs))
        {
            problems.Add($"'{adapters[first].Name}' and '{adapters[second].Name}' are nearly the same update (cosine {cosine:0.0000}); " +
                "one of them is enough.");
        }

        if (duplicates.Count > MostPairs)
            problems.Add($"{duplicates.Count - MostPairs} further pairs are nearly the same update; inspect --json names them.");

        if (pool.Adapters.SelectMany(adapter => adapter.Modules).Select(module => module.Scaling).Distinct().Count() > 1)
        {
            problems.Add("Scalings (lora_alpha / r) differ; Cuvee applies each adapter's own, the released code of Evo-Merging would not.");
        }

        return problems;
    }

    private static void AddDeadModules(AdapterPool pool, List<string> problems)
    {
        foreach (var adapter in pool.Adapters)
        {
            var dead = adapter.Modules.Where(IsZero).Select(module => module.Name).ToList();
            if (dead.Count == 0 || dead.Count == adapter.Modules.Count) continue;
            problems.Add($"'{adapter.Name}' has {dead.Count} module(s) with a zero update, the first being {dead[0]}.");
        }
    }

    private static void AddOutliers(IReadOnlyList<AdapterInspection> adapters, List<string> problems)
    {
        var norms = adapters.Select(adapter => adapter.DeltaNorm).Where(norm => norm > 0).Order().ToList();
        if (norms.Count < 3) return;
        var median = norms[norms.Count / 2];
        foreach (var adapter in adapters.Where(adapter => adapter.DeltaNorm > 0))
        {
            var ratio = adapter.DeltaNorm / median;
            if (ratio is > 1 / OutlierRatio and < OutlierRatio) continue;
            problems.Add($"'{adapter.Name}' has a norm of {adapter.DeltaNorm:0.###}, {ratio:0.###} times the pool's median; one weight " +
                "bound will not suit both.");
        }
    }

    private static bool IsZero(LoraModule module) =>
        module.Scaling == 0 || module.LoraA.IsZero() || module.LoraB.IsZero();
}
