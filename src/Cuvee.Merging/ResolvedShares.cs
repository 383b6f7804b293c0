using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>A weighted recipe by position in the pool. Adapters are summed in pool order whatever the order of the recipe.</summary>
/// <param name="common">Of every module, unless each has its own.</param>
/// <param name="ownShares">By name of every module; null when no adapter has values per group.</param>
internal sealed class ResolvedShares(ModuleShares common, IReadOnlyDictionary<string, ModuleShares>? ownShares = null) : ResolvedRecipe
{
    public override bool IsBaseModel => ownShares is null ? common.AllZero : ownShares.Values.All(shares => shares.AllZero);

    internal override void Prepare(PooledModule module, ModuleUpdate update) => update.Prepare(module, Of(module));

    internal override int RankOf(PooledModule module) =>
        Math.Min(module.MergedRank(Of(module)), Math.Min(module.OutFeatures, module.InFeatures));

    internal override LoraModule? Factored(PooledModule module)
    {
        var (shares, outFeatures, inFeatures) = (Of(module), module.OutFeatures, module.InFeatures);
        if (module.ScalesRows(shares))
        {
            throw new ArgumentException(
                "The recipe takes DoRA adapters, whose merge is no LoRA adapter; write a folded checkpoint (format folded) instead.");
        }

        var rank = module.MergedRank(shares);
        if (rank == 0) return null;
        if (rank > Math.Min(outFeatures, inFeatures)) return FullRank(module);
        var a = new float[rank * inFeatures];
        var b = new float[outFeatures * rank];
        module.MergeA(shares, (k, row) => row.CopyTo(a.AsSpan(k * inFeatures)));
        module.MergeB(shares, 0, b);
        return new LoraModule(module.Name, inFeatures, outFeatures, rank, a, b, 1);
    }

    private ModuleShares Of(PooledModule module) => ownShares is null ? common : ownShares[module.Name];
}

/// <summary>What each adapter of the pool gives to one module.</summary>
/// <param name="weights">[adapters]</param>
/// <param name="keepFractions">[adapters]</param>
internal sealed class ModuleShares(
    MergeSpace space, double[] weights, double[] keepFractions, PrunedFactor pruned = PrunedFactor.LoraA)
{
    public MergeSpace Space => space;

    public bool PrunesA => pruned != PrunedFactor.LoraB;

    public bool PrunesB => pruned != PrunedFactor.LoraA;

    public bool AllZero => Array.TrueForAll(weights, weight => weight == 0);

    public double Weight(int adapter) => weights[adapter];

    public double KeepFraction(int adapter) => keepFractions[adapter];
}
