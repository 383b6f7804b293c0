using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Materialization;

/// <summary>A recipe made into one adapter.</summary>
/// <param name="Adapter">One rank for all modules, scaling 1.</param>
/// <param name="Reductions">One per module when a rank was asked for; empty when the adapter is exact.</param>
public sealed record MergedAdapter(PeftAdapter Adapter, IReadOnlyList<ModuleReduction> Reductions)
{
    /// <summary>Share of the squared Frobenius norm of all modules together that the bounded rank left out, in [0, 1].</summary>
    public double DroppedShare =>
        Reductions.Sum(module => module.Energy) is > 0 and var energy ? Reductions.Sum(module => module.DroppedEnergy) / energy : 0;
}
