using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>
/// A validated recipe in terms of one pool, so that a candidate pays for names and measurements once. Made by <see
/// cref="RecipeMerger.Resolve"/>; immutable and thread-safe.
/// </summary>
public abstract class ResolvedRecipe
{
    private protected ResolvedRecipe()
    {
    }

    /// <summary>No adapter takes part: the base model.</summary>
    public abstract bool IsBaseModel { get; }

    internal abstract void Prepare(PooledModule module, ModuleUpdate update);

    /// <summary>Of <see cref="Factored"/>, without forming it; 0 where nothing takes part.</summary>
    internal abstract int RankOf(PooledModule module);

    /// <summary>The recipe's update of the module as factors with scaling 1; null where nothing takes part.</summary>
    internal abstract LoraModule? Factored(PooledModule module);

    /// <summary>The dense update with an identity as its other factor: exact at rank min(out, in).</summary>
    private protected LoraModule FullRank(PooledModule module)
    {
        var (outFeatures, inFeatures) = (module.OutFeatures, module.InFeatures);
        var delta = new float[checked(outFeatures * inFeatures)];
        var update = new ModuleUpdate();
        Prepare(module, update);
        update.AddRows(0, delta);
        var rank = Math.Min(outFeatures, inFeatures);
        var identity = new float[rank * rank];
        for (var i = 0; i < rank; i++) identity[(i * rank) + i] = 1;
        return outFeatures <= inFeatures
            ? new LoraModule(module.Name, inFeatures, outFeatures, rank, delta, identity, 1)
            : new LoraModule(module.Name, inFeatures, outFeatures, rank, identity, delta, 1);
    }
}
