using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Methods;

/// <summary>A merge method that has measured its pool; its update of a module is dense.</summary>
internal sealed class ResolvedMethod(PoolTaskVectors vectors, ModuleMerge merge) : ResolvedRecipe
{
    public override bool IsBaseModel => false; // not known before the modules are merged

    internal override void Prepare(PooledModule module, ModuleUpdate update) =>
        update.Prepare(module, merged => merge(vectors.Of(module), merged));

    internal override int RankOf(PooledModule module) => Math.Min(module.OutFeatures, module.InFeatures);

    internal override LoraModule Factored(PooledModule module) => FullRank(module);
}
