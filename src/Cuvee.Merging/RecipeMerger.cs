namespace Cuvee.Merging;

/// <summary>
/// Forms candidates fast: holds the pool's factors and each LoraA's sorted magnitudes, so that one candidate costs one threshold look-up,
/// one masked pass and one GEMM per module. Adapters are summed in pool order whatever the order of the recipe: same recipe, same bits.
/// Thread-safe for distinct outputs.
/// </summary>
public sealed class RecipeMerger
{
    private readonly Dictionary<string, PooledModule> modules;
    private readonly Dictionary<string, int> adapterIndex = new(StringComparer.Ordinal);

    public RecipeMerger(AdapterPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Pool = pool;
        modules = ModuleNames.ToDictionary(name => name, name => new PooledModule(name, pool), StringComparer.Ordinal);
        for (var i = 0; i < pool.Adapters.Count; i++) adapterIndex.Add(pool.Adapters[i].Name, i);
    }

    public AdapterPool Pool { get; }

    /// <summary>Union of the pool's module names, ordinal order.</summary>
    public IReadOnlyList<string> ModuleNames => Pool.ModuleNames;

    /// <summary>[out, in] of a module's weight.</summary>
    public (int OutFeatures, int InFeatures) ShapeOf(string moduleName) => (Module(moduleName).OutFeatures, Module(moduleName).InFeatures);

    /// <summary>Throws <see cref="ArgumentException"/> with one clear sentence when the recipe does not fit the pool.</summary>
    public void Validate(MergeRecipe recipe) => Resolve(recipe);

    /// <summary>Checks the recipe against the pool and replaces names by positions.</summary>
    /// <exception cref="ArgumentException">Unknown or repeated name, a number out of range, or adapters that factors space cannot
    /// combine.</exception>
    public ResolvedRecipe Resolve(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        RecipeChecks.ThrowIfMalformed(recipe);
        var weights = new double[Pool.Adapters.Count];
        var keepFractions = new double[Pool.Adapters.Count];
        Array.Fill(keepFractions, 1);
        foreach (var share in recipe.Adapters)
        {
            if (!adapterIndex.TryGetValue(share.Name, out var index))
            {
                throw new ArgumentException($"The recipe names adapter '{share.Name}', which is not in the pool; correct the name or add " +
                    "the adapter.");
            }

            (weights[index], keepFractions[index]) = (share.Weight, share.KeepFraction);
        }

        if (recipe.Space == MergeSpace.Factors)
        {
            RecipeChecks.ThrowIfFactorsDiffer([.. recipe.Adapters.Select(share => Pool.Adapters[adapterIndex[share.Name]])]);
        }

        return new ResolvedRecipe(recipe.Space, weights, keepFractions);
    }

    /// <summary>Adds the recipe's update of <paramref name="moduleName"/> to <paramref name="weight"/> [out, in].</summary>
    public void AddTo(MergeRecipe recipe, string moduleName, Span<float> weight) => AddTo(Resolve(recipe), moduleName, weight);

    /// <summary>
    /// Adds the recipe's update of <paramref name="moduleName"/> to <paramref name="weight"/> [out, in]; allocates nothing in steady state.
    /// </summary>
    public void AddTo(ResolvedRecipe recipe, string moduleName, Span<float> weight)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var module = Module(moduleName);
        if (weight.Length != (long)module.OutFeatures * module.InFeatures)
        {
            throw new ArgumentException($"The weight of {moduleName} holds {weight.Length} numbers, not [{module.OutFeatures}, " +
                $"{module.InFeatures}].");
        }

        module.AddTo(recipe, weight);
    }

    internal PooledModule Module(string name) => modules.TryGetValue(name, out var module)
        ? module
        : throw new ArgumentException($"No adapter of the pool adapts module {name}.");
}
