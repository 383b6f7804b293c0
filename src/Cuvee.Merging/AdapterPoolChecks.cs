using Cuvee.Formats;
using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>What must hold between the adapters of one pool, in either merge space.</summary>
internal static class AdapterPoolChecks
{
    public static void ThrowIfInconsistent(IReadOnlyList<PeftAdapter> adapters, bool allowDifferentBases)
    {
        if (adapters.Count == 0) throw new BadInputException("The pool holds no adapter; give at least one.");
        var first = adapters[0];
        var named = adapters.FirstOrDefault(adapter => BaseOf(adapter) is not null);
        var seen = new Dictionary<string, (PeftAdapter Adapter, LoraModule Module)>(StringComparer.Ordinal);
        for (var i = 0; i < adapters.Count; i++)
        {
            var adapter = adapters[i];
            if (i > 0 && adapter.Name == adapters[i - 1].Name)
            {
                throw new BadInputException($"Two adapters are named '{adapter.Name}'; rename one of their folders.");
            }

            if (!allowDifferentBases && named is not null && BaseOf(adapter) is { } other && other != BaseOf(named))
            {
                throw new BadInputException(
                    $"Adapters '{named.Name}' and '{adapter.Name}' name different base models in base_model_name_or_path " +
                    $"('{named.Config.BaseModelNameOrPath}' and '{adapter.Config.BaseModelNameOrPath}'); exclude one, or, if both are copies " +
                    "of one model, allow it: 'allow_different_bases: true' under pool, or --allow-different-bases.");
            }

            if (adapter.Config.FanInFanOut != first.Config.FanInFanOut)
            {
                throw new BadInputException(
                    $"Adapters '{first.Name}' and '{adapter.Name}' differ in fan_in_fan_out; they were made for different layers: " +
                    "exclude one.");
            }

            foreach (var module in adapter.Modules)
            {
                CheckFactors(adapter, module);
                if (!seen.TryAdd(module.Name, (adapter, module))) CheckShapes(seen[module.Name], adapter, module);
            }
        }
    }

    private static string? BaseOf(PeftAdapter adapter) => BaseModelName.Normalise(adapter.Config.BaseModelNameOrPath);

    private static void CheckFactors(PeftAdapter adapter, LoraModule module)
    {
        if (module.LoraB.Columns != module.Rank)
        {
            throw new BadInputException($"Adapter '{adapter.Name}', module {module.Name}: LoraA has rank {module.Rank} and LoraB " +
                $"{module.LoraB.Columns}; save the adapter again.");
        }
    }

    private static void CheckShapes((PeftAdapter Adapter, LoraModule Module) earlier, PeftAdapter adapter, LoraModule module)
    {
        if (ReferenceEquals(earlier.Adapter, adapter))
        {
            throw new BadInputException($"Adapter '{adapter.Name}' lists module {module.Name} twice.");
        }

        if (earlier.Module.InFeatures != module.InFeatures || earlier.Module.OutFeatures != module.OutFeatures)
        {
            throw new BadInputException(
                $"Module {module.Name} is [{earlier.Module.OutFeatures}, {earlier.Module.InFeatures}] in adapter " +
                $"'{earlier.Adapter.Name}' but " +
                $"[{module.OutFeatures}, {module.InFeatures}] in '{adapter.Name}'; they belong to different base models: exclude one.");
        }
    }
}
