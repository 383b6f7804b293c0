using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// Makes a recipe into one PEFT adapter. In factors the result has the adapters' rank; in delta the factors are stacked, or, where the
/// ranks sum to more than min(in, out), the dense update is written with an identity as its other factor: exact up to fp32 rounding either
/// way. A bounded rank keeps the best approximation (truncated singular value decomposition) and reports what it dropped.
/// </summary>
public sealed class MergedAdapterBuilder(RecipeMerger merger)
{
    /// <param name="name">Name of the new adapter.</param>
    /// <param name="rank">Largest rank of the result, at least 1; null for the exact one.</param>
    /// <exception cref="ArgumentException">The recipe does not fit the pool, or the rank is not positive.</exception>
    public MergedAdapter Build(MergeRecipe recipe, string name, int? rank = null)
    {
        if (rank <= 0) throw new ArgumentException($"The rank of a merged adapter must be at least 1, not {rank}.");
        var resolved = merger.Resolve(recipe);
        var modules = merger.ModuleNames.Select(moduleName => Exact(merger.Module(moduleName), resolved)).OfType<LoraModule>().ToList();
        ModuleReduction[] reductions = [];
        if (rank is { } largest)
        {
            reductions = new ModuleReduction[modules.Count];
            Parallel.For(0, modules.Count, i => (modules[i], reductions[i]) = RankReduction.Reduce(modules[i], largest));
        }

        // The base model has no update, yet a PEFT adapter must adapt something: zeros of rank 1.
        if (modules.Count == 0) modules.AddRange(merger.ModuleNames.Select(moduleName => Zero(merger.Module(moduleName))));
        var common = modules.Max(module => module.Rank);
        var template = merger.Pool.Adapters[0].Config;
        return new MergedAdapter(
            new PeftAdapter(
                name,
                template with { Rank = common, LoraAlpha = common, UseRsLora = false },
                [.. modules.Select(module => Padded(module, common))]),
            reductions);
    }

    private static LoraModule? Exact(PooledModule pooled, ResolvedRecipe recipe)
    {
        var (outFeatures, inFeatures) = (pooled.OutFeatures, pooled.InFeatures);
        var rank = pooled.MergedRank(recipe);
        if (rank == 0) return null;
        if (rank > Math.Min(outFeatures, inFeatures)) return FullRank(pooled, recipe);
        var a = new float[rank * inFeatures];
        var bTransposed = new float[rank * outFeatures];
        pooled.MergeFactors(recipe, a, bTransposed);
        var b = new float[outFeatures * rank];
        for (var k = 0; k < rank; k++)
        {
            for (var i = 0; i < outFeatures; i++) b[(i * rank) + k] = bTransposed[(k * outFeatures) + i];
        }

        return new LoraModule(pooled.Name, inFeatures, outFeatures, rank, a, b, 1);
    }

    private static LoraModule FullRank(PooledModule pooled, ResolvedRecipe recipe)
    {
        var (outFeatures, inFeatures) = (pooled.OutFeatures, pooled.InFeatures);
        var delta = new float[outFeatures * inFeatures];
        pooled.AddTo(recipe, delta);
        var rank = Math.Min(outFeatures, inFeatures);
        var identity = new float[rank * rank];
        for (var i = 0; i < rank; i++) identity[(i * rank) + i] = 1;
        return outFeatures <= inFeatures
            ? new LoraModule(pooled.Name, inFeatures, outFeatures, rank, delta, identity, 1)
            : new LoraModule(pooled.Name, inFeatures, outFeatures, rank, identity, delta, 1);
    }

    private static LoraModule Zero(PooledModule pooled) =>
        new(pooled.Name, pooled.InFeatures, pooled.OutFeatures, 1, new float[pooled.InFeatures], new float[pooled.OutFeatures], 1);

    private static LoraModule Padded(LoraModule module, int rank)
    {
        if (module.Rank == rank) return module;
        var a = new float[rank * module.InFeatures];
        module.LoraA.CopyTo(a, 0);
        var b = new float[module.OutFeatures * rank];
        for (var i = 0; i < module.OutFeatures; i++) module.LoraB.AsSpan(i * module.Rank, module.Rank).CopyTo(b.AsSpan(i * rank));
        return module with { Rank = rank, LoraA = a, LoraB = b };
    }
}
