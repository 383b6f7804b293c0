namespace Cuvee.Merging.Methods;

/// <summary>
/// Applies a merge method to adapters of a pool, one module at a time, densely: the task vectors of one module take adapters * out * in * 4
/// bytes while it is merged. Thread-safe.
/// </summary>
public sealed class TaskVectorMerger
{
    private readonly RecipeMerger merger;
    private readonly ResolvedRecipe[] singles; // [adapters], each alone at weight 1

    /// <param name="adapterNames">At least one, each in the pool; their order is the order of the task vectors.</param>
    /// <exception cref="ArgumentException">No name, or a name that is not in the pool.</exception>
    public TaskVectorMerger(RecipeMerger merger, IReadOnlyList<string> adapterNames)
    {
        ArgumentNullException.ThrowIfNull(merger);
        ArgumentNullException.ThrowIfNull(adapterNames);
        if (adapterNames.Count == 0) throw new ArgumentException("Name at least one adapter to merge.");
        this.merger = merger;
        singles = [.. adapterNames.Select(name => merger.Resolve(new MergeRecipe(MergeSpace.Delta, [new AdapterShare(name, 1)])))];
    }

    public IReadOnlyList<string> ModuleNames => merger.ModuleNames;

    /// <summary>Overwrites <paramref name="merged"/> [out, in] with the method's result for one module.</summary>
    public void Merge(IMergeMethod method, MergeArguments arguments, string moduleName, Span<float> merged)
    {
        ArgumentNullException.ThrowIfNull(method);
        var (outFeatures, inFeatures) = merger.ShapeOf(moduleName);
        var deltas = singles.Select(single =>
        {
            var delta = new float[outFeatures * inFeatures];
            merger.AddTo(single, moduleName, delta);
            return (ReadOnlyMemory<float>)delta;
        });
        method.Combine(new TaskVectors(moduleName, outFeatures, inFeatures, [.. deltas]), arguments, merged);
    }
}
