using Cuvee.Formats.Peft;
using Cuvee.Merging.Sparsification;

namespace Cuvee.Merging.Methods;

/// <summary>A merge method that has measured its pool; its update of a module is dense.</summary>
internal sealed class ResolvedMethod(PoolTaskVectors vectors, ModuleMerge merge) : ResolvedRecipe
{
    public override bool IsBaseModel => false; // not known before the modules are merged

    internal override void AddTo(PooledModule module, Span<float> weight)
    {
        var merged = new float[weight.Length];
        merge(vectors.Of(module), merged);
        MaskedKernels.AddScaledKept(merged, 0, 1, weight);
    }

    internal override LoraModule Factored(PooledModule module) => FullRank(module);
}
