namespace Cuvee.Merging;

/// <summary>
/// Forms candidates fast: holds the pool's factors and each LoraA's sorted magnitudes, so that one candidate costs one threshold look-up, one masked pass
/// and one GEMM per module. Thread-safe for distinct modules and outputs.
/// </summary>
public sealed class RecipeMerger
{
    public RecipeMerger(AdapterPool pool) => Pool = pool;

    public AdapterPool Pool { get; }

    /// <summary>Union of the pool's module names, ordinal order.</summary>
    public IReadOnlyList<string> ModuleNames => throw new NotImplementedException();

    /// <summary>Throws <see cref="ArgumentException"/> with one clear sentence when the recipe does not fit the pool.</summary>
    public void Validate(MergeRecipe recipe) => throw new NotImplementedException();

    /// <summary>Adds the recipe's update of <paramref name="moduleName"/> to <paramref name="weight"/> [out, in].</summary>
    public void AddTo(MergeRecipe recipe, string moduleName, Span<float> weight) => throw new NotImplementedException();
}
