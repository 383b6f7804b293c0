using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// Makes a recipe into one PEFT adapter. In factors the result has the adapters' rank; in delta the factors are stacked, or, where the
/// ranks sum to more than min(in, out) and for every merge method, the dense update is written with an identity as its other factor: exact
/// up to fp32 rounding either way. A bounded rank keeps the best approximation (truncated singular value decomposition) and reports what it
/// dropped.
/// </summary>
public sealed class MergedAdapterBuilder(RecipeMerger merger)
{
    // Decompositions are cut here first: the ranks that are usually asked for share one.
    private const int FirstCut = 64;

    private (MergeRecipe Recipe, int Rank, ReducedModule[] Modules)? reduced;

    /// <summary>What recompressing a result takes at most, in bytes: the decompositions, and one adapter cut from them.</summary>
    /// <param name="features">In and out features of all modules, summed.</param>
    /// <param name="exactRank">Of the result.</param>
    public static long ForecastBytes(long features, int exactRank) => 2 * sizeof(float) * features * Math.Min(FirstCut, exactRank);

    /// <summary>Rank of the exact result, at least 1; nothing is formed.</summary>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public int ExactRank(MergeRecipe recipe)
    {
        var resolved = merger.Resolve(recipe);
        return Math.Max(1, merger.ModuleNames.Max(name => resolved.RankOf(merger.Module(name))));
    }

    /// <param name="name">Name of the new adapter.</param>
    /// <param name="rank">
    /// Largest rank of the result, at least 1; null for the exact one. Asking again for other ranks of the same recipe is cheap.
    /// </param>
    /// <exception cref="ArgumentException">The recipe does not fit the pool, or the rank is not positive.</exception>
    public MergedAdapter Build(MergeRecipe recipe, string name, int? rank = null)
    {
        if (rank <= 0) throw new ArgumentException($"The rank of a merged adapter must be at least 1, not {rank}.");
        var resolved = merger.Resolve(recipe);
        List<LoraModule> modules;
        ModuleReduction[] reductions = [];
        if (rank is { } largest)
        {
            var cut = Reduce(recipe, resolved, largest);
            modules = [.. cut.Select(module => module.At(largest))];
            reductions = [.. cut.Select(module => module.ReductionAt(largest))];
        }
        else
        {
            modules = [.. merger.ModuleNames.Select(moduleName => resolved.Factored(merger.Module(moduleName))).OfType<LoraModule>()];
        }

        // The base model has no update, yet a PEFT adapter must adapt something: zeros of rank 1.
        if (modules.Count == 0) modules.AddRange(merger.ModuleNames.Select(moduleName => Zero(merger.Module(moduleName))));
        var common = modules.Max(module => module.Rank);
        // GGUF adapters name no base model.
        var template = (merger.Pool.Adapters.FirstOrDefault(adapter => adapter.Config.BaseModelNameOrPath is not null)
            ?? merger.Pool.Adapters[0]).Config;
        return new MergedAdapter(
            new PeftAdapter(
                name,
                template with { Rank = common, LoraAlpha = common, UseRsLora = false },
                [.. modules.Select(module => Padded(module, common))]),
            reductions);
    }

    /// <summary>Module by module on all threads, so that few exact updates exist at a time.</summary>
    private ReducedModule[] Reduce(MergeRecipe recipe, ResolvedRecipe resolved, int rank)
    {
        if (reduced is { } known && known.Recipe == recipe && known.Rank >= rank) return known.Modules;
        var cut = Math.Max(rank, FirstCut);
        var modules = new ReducedModule?[merger.ModuleNames.Count];
        using var team = new ThreadTeam();
        team.Run(modules.Length, i =>
        {
            if (resolved.Factored(merger.Module(merger.ModuleNames[i])) is { } exact) modules[i] = RankReduction.Cut(exact, cut);
        });
        reduced = (recipe, cut, [.. modules.OfType<ReducedModule>()]);
        return reduced.Value.Modules;
    }

    private static LoraModule Zero(PooledModule pooled) =>
        new(pooled.Name, pooled.InFeatures, pooled.OutFeatures, 1, new float[pooled.InFeatures], new float[pooled.OutFeatures], 1);

    private static LoraModule Padded(LoraModule module, int rank)
    {
        if (module.Rank == rank) return module;
        var a = new float[rank * module.InFeatures];
        module.LoraA.ReadRows(0, module.Rank, a);
        var b = new float[module.OutFeatures * rank];
        for (var i = 0; i < module.OutFeatures; i++) module.LoraB.ReadRow(i, b.AsSpan(i * rank, module.Rank));
        return new LoraModule(module.Name, module.InFeatures, module.OutFeatures, rank, a, b, module.Scaling);
    }
}
