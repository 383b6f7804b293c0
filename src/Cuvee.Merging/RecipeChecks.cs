using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>What a recipe must satisfy by itself, and what factors space asks of its adapters.</summary>
internal static class RecipeChecks
{
    public static void ThrowIfMalformed(MergeRecipe recipe)
    {
        switch (recipe)
        {
            case WeightedRecipe weighted:
                ThrowIfMalformed(weighted);
                break;
            case MethodRecipe method:
                ThrowIfMalformed(method);
                break;
            case PathRecipe path:
                ThrowIfMalformed(path);
                break;
        }
    }

    public static void ThrowIfMalformed(WeightedRecipe recipe)
    {
        if (!Enum.IsDefined(recipe.Space))
            throw new ArgumentException($"The recipe's space {recipe.Space} is unknown; use factors or delta.");
        if (!Enum.IsDefined(recipe.Pruned))
            throw new ArgumentException($"The recipe's pruned factor {recipe.Pruned} is unknown; use LoraA, LoraB or both.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var share in recipe.Adapters)
        {
            if (!names.Add(share.Name)) throw Twice(share.Name);
            ThrowIfRepeated(share.Name, share.GroupWeights);
            ThrowIfRepeated(share.Name, share.GroupKeepFractions);
            foreach (var weight in (double[])[share.Weight, .. share.GroupWeights.Select(value => value.Value)])
            {
                if (float.IsFinite((float)weight)) continue;
                throw new ArgumentException($"The recipe's weight of adapter '{share.Name}' is {weight}; it must be a finite fp32 number.");
            }

            foreach (var keep in (double[])[share.KeepFraction, .. share.GroupKeepFractions.Select(value => value.Value)])
            {
                if (keep is >= 0 and <= 1) continue;
                throw new ArgumentException($"The recipe's keep_fraction of adapter '{share.Name}' is {keep}; it must lie in [0, 1].");
            }
        }
    }

    /// <summary>What holds for every method; ranges are <see cref="Methods.MergeArguments"/>'s to check.</summary>
    public static void ThrowIfMalformed(MethodRecipe recipe)
    {
        if (recipe.Adapters.Count == 0)
            throw new ArgumentException($"The recipe of method {recipe.Method} lists no adapter; list those that take part.");
        ThrowIfNotFinite(recipe.Parameters, $"method {recipe.Method}");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var adapter in recipe.Adapters)
        {
            if (!names.Add(adapter.Name)) throw Twice(adapter.Name);
            ThrowIfNotFinite(adapter.Parameters, $"adapter '{adapter.Name}'");
            foreach (var (name, groups) in adapter.GroupParameters)
            {
                ThrowIfRepeated(adapter.Name, groups);
                foreach (var (group, value) in groups)
                {
                    if (!double.IsFinite(value))
                    {
                        throw new ArgumentException(
                            $"Parameter '{name}' of adapter '{adapter.Name}' is {value} for {group}; it must be a finite number.");
                    }
                }
            }
        }
    }

    /// <summary>Whether models and layers exist is the pool's to check.</summary>
    public static void ThrowIfMalformed(PathRecipe recipe)
    {
        if (recipe.Steps.Count == 0) throw new ArgumentException("The recipe's path has no step; give it at least one layer.");
        if (recipe.Merged is PathRecipe) throw new ArgumentException("The recipe's merged model is a path; a path goes through models.");
        var missing = recipe.Merged is null && (recipe.First is null || recipe.Steps.Any(step => step.Model is null));
        if (missing) throw new ArgumentException("The recipe's path names no model somewhere and has none of its own; give 'merged'.");
        foreach (var (step, slot) in recipe.Steps.Select((step, slot) => (step, slot)))
        {
            if (step.Layer < 0) throw new ArgumentException($"Step {slot} of the recipe's path takes layer {step.Layer}; count from 0.");
            if ((float)step.InputScale == 0 || !float.IsFinite((float)step.InputScale))
            {
                throw new ArgumentException(
                    $"Step {slot} of the recipe's path scales its input by {step.InputScale}; it must be a finite fp32 number, not 0.");
            }
        }

        if (recipe.Merged is { } merged) ThrowIfMalformed(merged);
    }

    /// <param name="known">Of the modules (<see cref="ModuleGroups.NamesOf"/>).</param>
    public static void ThrowIfUnmatched(IEnumerable<AdapterShare> shares, IReadOnlySet<string> known)
    {
        foreach (var share in shares) ThrowIfUnmatched(share.Name, [share.GroupWeights, share.GroupKeepFractions], known);
    }

    public static void ThrowIfUnmatched(string adapter, IEnumerable<GroupValues> values, IReadOnlySet<string> known)
    {
        foreach (var (group, _) in values.SelectMany(each => each))
        {
            if (known.Contains(group)) continue;
            throw new ArgumentException(
                $"The recipe's entry of adapter '{adapter}' names group '{group}', which matches no module " +
                "of the pool; name a module, a layer such as layers.0 or a kind such as q_proj.");
        }
    }

    /// <param name="whose">What cannot take DoRA adapters, such as "Factors space"; null for what can, once they are bound to a
    /// base.</param>
    public static void ThrowIfDora(IReadOnlyList<PeftAdapter> adapters, string? whose)
    {
        foreach (var adapter in adapters)
        {
            if (whose is not null && adapter.Modules.Any(AdapterPool.IsDora))
            {
                throw new ArgumentException(
                    $"{whose} cannot combine DoRA adapters such as '{adapter.Name}', whose updates are no LoRA; use weights in delta " +
                    "space or leave it out.");
            }

            if (adapter.Modules.Any(module => module.Magnitude is not null))
                throw new ArgumentException($"Adapter '{adapter.Name}' is DoRA, whose update depends on the base model; give --model.");
        }
    }

    public static void ThrowIfFactorsDiffer(IReadOnlyList<PeftAdapter> adapters)
    {
        if (adapters.Count == 0) return;
        ThrowIfDora(adapters, "Factors space");
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

    private static void ThrowIfRepeated(string adapter, GroupValues values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i].Group is "" or GroupValues.Default)
            {
                throw new ArgumentException($"The recipe's entry of adapter '{adapter}' names group '{values[i].Group}'; name a module, " +
                    "a layer or a kind of module.");
            }

            if (i > 0 && values[i].Group == values[i - 1].Group)
                throw new ArgumentException($"The recipe's entry of adapter '{adapter}' gives group '{values[i].Group}' twice; keep one.");
        }
    }

    private static void ThrowIfNotFinite(IReadOnlyDictionary<string, double> parameters, string owner)
    {
        foreach (var (name, value) in parameters)
        {
            if (!double.IsFinite(value))
                throw new ArgumentException($"Parameter '{name}' of {owner} is {value}; it must be a finite number.");
        }
    }

    private static ArgumentException Twice(string adapter) => new($"The recipe lists adapter '{adapter}' twice; keep one entry.");

    private static ArgumentException Missing(string module, PeftAdapter with, PeftAdapter without) => new(
        $"Factors space needs the same modules in all adapters: '{with.Name}' adapts {module} but '{without.Name}' does not; " +
        "use delta space or leave one out.");
}
