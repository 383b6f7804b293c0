using Cuvee.Merging.Methods;

namespace Cuvee.Merging;

/// <summary>
/// Forms candidates fast: knows the order of each LoraA's magnitudes, so that one candidate costs one threshold look-up, one masked pass
/// and one GEMM per module. Adapters are summed in pool order whatever the order of the recipe: same recipe, same bits.
/// Merge methods work densely on the task vectors of one module after another. Thread-safe for distinct outputs.
/// </summary>
public sealed class RecipeMerger
{
    private readonly Dictionary<string, PooledModule> modules;
    private readonly ModuleGroups[] groups; // of ModuleNames
    private readonly IReadOnlySet<string> groupNames;
    private readonly Dictionary<string, int> adapterIndex = new(StringComparer.Ordinal);

    /// <param name="methods">What recipes may name; null for <see cref="MergeMethods.Default"/>.</param>
    public RecipeMerger(AdapterPool pool, MergeMethods? methods = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Pool = pool;
        Methods = methods ?? MergeMethods.Default;
        modules = ModuleNames.ToDictionary(name => name, name => new PooledModule(name, pool), StringComparer.Ordinal);
        groups = [.. ModuleNames.Select(ModuleGroups.Of)];
        groupNames = ModuleGroups.NamesOf(groups);
        for (var i = 0; i < pool.Adapters.Count; i++) adapterIndex.Add(pool.Adapters[i].Name, i);
    }

    public AdapterPool Pool { get; }

    public MergeMethods Methods { get; }

    /// <summary>Union of the pool's module names, ordinal order.</summary>
    public IReadOnlyList<string> ModuleNames => Pool.ModuleNames;

    /// <summary>[out, in] of a module's weight.</summary>
    public (int OutFeatures, int InFeatures) ShapeOf(string moduleName) => (Module(moduleName).OutFeatures, Module(moduleName).InFeatures);

    /// <summary>
    /// Throws <see cref="ArgumentException"/> with one clear sentence when the recipe does not fit the pool. Nothing is measured.
    /// </summary>
    public void Validate(MergeRecipe recipe) => Prepare(recipe);

    /// <summary>
    /// Checks the recipe against the pool and replaces names by positions; a merge method measures what it needs, once.
    /// </summary>
    /// <exception cref="ArgumentException">Unknown or repeated name, a number out of range, or adapters that factors space cannot
    /// combine.</exception>
    public ResolvedRecipe Resolve(MergeRecipe recipe) => Prepare(recipe)();

    /// <summary>Adds the recipe's update of <paramref name="moduleName"/> to the base's <paramref name="weight"/> [out, in].</summary>
    public void AddTo(MergeRecipe recipe, string moduleName, Span<float> weight) => AddTo(Resolve(recipe), moduleName, weight);

    /// <summary>Forms what the whole module needs once, in the memory of <paramref name="update"/>.</summary>
    public void Prepare(ModuleUpdate update, ResolvedRecipe recipe, string moduleName)
    {
        ArgumentNullException.ThrowIfNull(update);
        ArgumentNullException.ThrowIfNull(recipe);
        recipe.Prepare(Module(moduleName), update);
    }

    /// <summary>Adds the recipe's update of <paramref name="moduleName"/> to <paramref name="weight"/> [out, in].</summary>
    public void AddTo(ResolvedRecipe recipe, string moduleName, Span<float> weight)
    {
        var module = Module(moduleName);
        if (weight.Length != (long)module.OutFeatures * module.InFeatures)
        {
            throw new ArgumentException($"The weight of {moduleName} holds {weight.Length} numbers, not [{module.OutFeatures}, " +
                $"{module.InFeatures}].");
        }

        var update = new ModuleUpdate();
        Prepare(update, recipe, moduleName);
        update.AddRows(0, weight);
    }

    internal PooledModule Module(string name) => modules.TryGetValue(name, out var module)
        ? module
        : throw new ArgumentException($"No adapter of the pool adapts module {name}.");

    // All checks now; what costs a pass over the pool when the result is asked for.
    private Func<ResolvedRecipe> Prepare(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        switch (recipe)
        {
            case WeightedRecipe weighted:
                var shares = ResolveShares(weighted);
                return () => shares;
            case MethodRecipe named:
                RecipeChecks.ThrowIfMalformed(named);
                if (named.Adapters.FirstOrDefault(adapter => adapter.GroupParameters.Count > 0) is { } grouped)
                {
                    throw new ArgumentException(
                        $"The recipe gives adapter '{grouped.Name}' parameters by group, which method {named.Method} takes of whole " +
                        "models only; give numbers.");
                }

                var method = Methods.Find(named.Method);
                var places = named.Adapters.Select(adapter => IndexOf(adapter.Name)).ToList();
                RecipeChecks.ThrowIfDora([.. places.Select(place => Pool.Adapters[place])], $"Method {named.Method}");
                var vectors = new PoolTaskVectors([.. ModuleNames.Select(name => modules[name])], Pool.Adapters.Count, places);
                var arguments = MergeArguments.For(method, named);
                return () => new ResolvedMethod(vectors, method.Prepare(vectors, arguments));
            default:
                throw new ArgumentException("The recipe is a path through layers of whole models, and this is a pool of adapters.");
        }
    }

    private ResolvedShares ResolveShares(WeightedRecipe recipe)
    {
        RecipeChecks.ThrowIfMalformed(recipe);
        var places = recipe.Adapters.Select(share => IndexOf(share.Name)).ToArray();
        var adapters = places.Select(place => Pool.Adapters[place]).ToList();
        if (recipe.Space == MergeSpace.Factors) RecipeChecks.ThrowIfFactorsDiffer(adapters);
        else RecipeChecks.ThrowIfDora(adapters, whose: null);
        if (recipe.Adapters.All(share => share.GroupWeights.Count == 0 && share.GroupKeepFractions.Count == 0))
            return new ResolvedShares(Shares(recipe, places, null));
        RecipeChecks.ThrowIfUnmatched(recipe.Adapters, groupNames);
        return new ResolvedShares(
            Shares(recipe, places, null),
            groups.ToDictionary(module => module.Name, module => Shares(recipe, places, module), StringComparer.Ordinal));
    }

    private ModuleShares Shares(WeightedRecipe recipe, int[] places, ModuleGroups? module)
    {
        var weights = new double[Pool.Adapters.Count];
        var keepFractions = new double[Pool.Adapters.Count];
        Array.Fill(keepFractions, 1);
        for (var i = 0; i < places.Length; i++)
        {
            var share = recipe.Adapters[i];
            weights[places[i]] = module is null ? share.Weight : share.GroupWeights.For(module, share.Weight);
            keepFractions[places[i]] = module is null ? share.KeepFraction : share.GroupKeepFractions.For(module, share.KeepFraction);
        }

        return new ModuleShares(recipe.Space, weights, keepFractions, recipe.Pruned);
    }

    private int IndexOf(string adapter) => adapterIndex.TryGetValue(adapter, out var index) ? index : throw new ArgumentException(
        $"The recipe names adapter '{adapter}', which is not in the pool; correct the name or add the adapter.");
}
