namespace Cuvee.Searches;

/// <summary>CMA-ES over signed weights alone (LoRAHub's search, arXiv 2307.13269, and Evo-Merging's second stage).</summary>
public sealed class CmaEsSearch : ISearch
{
    private static readonly SettingValues Defaults = new(
        ("candidates", 600),
        ("population", 20),
        ("step_size", 0.2),
        ("penalty", 0.01),
        (SearchSetting.HeldOut, 0.2),
        ("check_every", 3),
        ("patience", 5));

    public string Name => "cma-es";

    public string Summary => "CMA-ES over signed weights, everything kept (as LoRAHub, arXiv 2307.13269).";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("candidates", "Candidates without a budget.", 1, 1e8, IsWhole: true),
        .. CmaEsSettings.Declared,
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Defaults),
        new("quick", MergeSpace.Delta, Defaults.With(("candidates", 160), ("population", 10), ("sample", 20))),
    ];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return $"CMA-ES over weights ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var candidates = values.Integer("candidates")!.Value;
        var sizes = GenerationSizes.Fit(task, values.Integer("population")!.Value, values.Integer("sample"), 1);
        var stage = CmaEsSettings.Stage(task, sizes, "weights") with { MaxEvaluations = task.HasBudget ? null : candidates };
        var (evaluations, queries) = sizes.Forecast(task, [candidates], stage.CheckEvery);
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames), [stage], evaluations, queries, sizes.Notes);
    }
}
