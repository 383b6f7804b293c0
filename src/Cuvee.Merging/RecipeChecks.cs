using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>What a recipe must satisfy by itself, and what factors space asks of its adapters.</summary>
internal static class RecipeChecks
{
    public static void ThrowIfMalformed(MergeRecipe recipe)
    {
        if (!Enum.IsDefined(recipe.Space))
            throw new ArgumentException($"The recipe's space {recipe.Space} is unknown; use factors or delta.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var share in recipe.Adapters)
        {
            if (!names.Add(share.Name)) throw new ArgumentException($"The recipe lists adapter '{share.Name}' twice; keep one entry.");
            if (!float.IsFinite((float)share.Weight))
            {
                throw new ArgumentException($"The recipe's weight of adapter '{share.Name}' is {share.Weight}; it must be a finite fp32 " +
                    "number.");
            }

            if (!(share.KeepFraction is >= 0 and <= 1))
            {
                throw new ArgumentException($"The recipe's keep_fraction of adapter '{share.Name}' is {share.KeepFraction}; it must lie " +
                    "in [0, 1].");
            }
        }
    }

    public static void ThrowIfFactorsDiffer(IReadOnlyList<PeftAdapter> adapters)
    {
        if (adapters.Count == 0) return;
        var first = adapters[0];
        var ranks = first.Modules.ToDictionary(module => module.Name, module => module.Rank, StringComparer.Ordinal);
        foreach (var adapter in adapters)
        {
            foreach (var module in adapter.Modules)
            {
                if (!ranks.TryGetValue(module.Name, out var rank)) throw Missing(module.Name, adapter, first);
                if (rank != module.Rank)
                {
                    throw new ArgumentException(
                        $"Factors space needs equal ranks: module {module.Name} has rank {rank} in adapter '{first.Name}' but " +
                        $"{module.Rank} in '{adapter.Name}'; use delta space or leave one out.");
                }
            }

            if (adapter.Modules.Count == ranks.Count) continue;
            var present = adapter.Modules.Select(module => module.Name).ToHashSet(StringComparer.Ordinal);
            throw Missing(first.Modules.First(module => !present.Contains(module.Name)).Name, first, adapter);
        }
    }

    private static ArgumentException Missing(string module, PeftAdapter with, PeftAdapter without) => new(
        $"Factors space needs the same modules in all adapters: '{with.Name}' adapts {module} but '{without.Name}' does not; " +
        "use delta space or leave one out.");
}
