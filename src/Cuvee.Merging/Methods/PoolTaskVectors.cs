using System.Collections;

namespace Cuvee.Merging.Methods;

/// <summary>The task vectors of some adapters of a pool, formed one module at a time: adapters * out * in * 4 bytes each.</summary>
/// <param name="modules">All of the pool, in ordinal order of name.</param>
/// <param name="adapters">Positions in the pool, in the order of the task vectors.</param>
internal sealed class PoolTaskVectors(IReadOnlyList<PooledModule> modules, int poolSize, IReadOnlyList<int> adapters)
    : IEnumerable<TaskVectors>
{
    private readonly ModuleShares[] singles = [.. adapters.Select(adapter => Single(adapter, poolSize))]; // each alone at weight 1

    public TaskVectors Of(PooledModule module) => new(
        module.Name, module.OutFeatures, module.InFeatures,
        [.. singles.Select(single =>
        {
            var delta = new float[checked(module.OutFeatures * module.InFeatures)];
            var update = new ModuleUpdate();
            update.Prepare(module, single);
            update.AddRows(0, delta);
            return (ReadOnlyMemory<float>)delta;
        })]);

    public IEnumerator<TaskVectors> GetEnumerator() => modules.Select(Of).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ModuleShares Single(int adapter, int poolSize)
    {
        var (weights, keepFractions) = (new double[poolSize], new double[poolSize]);
        (weights[adapter], keepFractions[adapter]) = (1, 1);
        return new ModuleShares(MergeSpace.Delta, weights, keepFractions);
    }
}
