using Cuvee.Searches;

namespace Cuvee.Configuration;

/// <summary>Reads the keys that describe one search: at the root of a run file, or in an entry of <c>compare.searches</c>.</summary>
internal static class SearchSettingsReader
{
    private const double LowestCost = 1e-6;
    private const double HighestCost = 1e9;

    private static readonly Dictionary<string, MergeSpace> Spaces = new(StringComparer.Ordinal)
    {
        ["factors"] = MergeSpace.Factors,
        ["delta"] = MergeSpace.Delta,
    };

    public static SearchSettings Read(YamlMapping mapping, Catalog catalog)
    {
        var searches = catalog.AllSearches;
        mapping.RequiredText("search", $"one of {string.Join(", ", searches.Select(each => each.Name))}");
        var search = mapping.Choice("search", searches, each => each.Name)!;
        var preset = mapping.Choice("preset", search.Presets, each => each.Name) ?? search.Presets[0];
        var space = mapping.Choice("space", Spaces) ?? preset.Space;
        var budget = mapping.Mapping("budget");
        var limits = new RunBudget(
            budget?.Integer("evaluations", 1, 100_000_000),
            budget?.Integer("queries", 1, int.MaxValue),
            budget?.Integer("tokens", 1, int.MaxValue),
            budget?.Number("cost", LowestCost, HighestCost));
        budget?.ThrowIfUnknownKeys();
        var own = mapping.Mapping("settings");
        (string, object)[] overrides = own is null ? [] : [.. search.Settings.SelectMany(setting => Value(own, setting))];
        own?.ThrowIfUnknownKeys();
        return new SearchSettings
        {
            Search = search,
            Preset = preset.Name,
            Space = space,
            Budget = limits,
            Values = preset.Values.With(overrides),
            IsOverridden = space != preset.Space || overrides.Length > 0 || limits != RunBudget.None,
        };
    }

    private static IEnumerable<(string Name, object Value)> Value(YamlMapping own, SearchSetting setting)
    {
        object? value = setting switch
        {
            NumberSetting { IsWhole: true } number => own.Integer(number.Name, (int)number.Minimum, (int)number.Maximum),
            NumberSetting number => own.Number(number.Name, number.Minimum, number.Maximum),
            ChoiceSetting choice => own.Choice(choice.Name, choice.Choices, name => name),
            AdapterSetting adapter => own.Text(adapter.Name),
            ListSetting list => Names(own, list),
            NumberListSetting list => own.Numbers(list.Name, list.Minimum, list.Maximum),
            _ => throw new InvalidOperationException($"{setting.GetType().Name} is no kind of setting that run files know."),
        };
        return value is null ? [] : [(setting.Name, value)];
    }

    private static IReadOnlyList<string>? Names(YamlMapping own, ListSetting setting)
    {
        if (own.Texts(setting.Name) is not { } names) return null;
        if (names.FirstOrDefault(name => !setting.Choices.Contains(name)) is { } unknown)
            throw own.Error(setting.Name, $"'{setting.Name}' names '{unknown}'; choose {string.Join(", ", setting.Choices)}.");
        return names.Count > 0 && names.Distinct().Count() == names.Count
            ? names
            : throw own.Error(setting.Name, $"'{setting.Name}' must name at least one of {string.Join(", ", setting.Choices)}, each once.");
    }
}
