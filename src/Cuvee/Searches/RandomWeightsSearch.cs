using Cuvee.Numerics;
using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>Independent random weights: the control that every search must beat.</summary>
public sealed class RandomWeightsSearch : ISearch
{
    private static readonly SettingValues Defaults = new(("candidates", 600), ("population", 20));

    public string Name => "random";

    public string Summary => "Independent random weights: the control that every search must beat.";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("candidates", "Candidates without a budget.", 1, 1e8, IsWhole: true),
        .. CmaEsSettings.Declared.Where(setting => setting.Name is "population" or "sample"),
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Defaults),
        new("quick", MergeSpace.Delta, Defaults.With(("candidates", 160), ("sample", 20))),
    ];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return $"random weights ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var candidates = values.Integer("candidates")!.Value;
        var sizes = GenerationSizes.Fit(
            task, values.Integer("population")!.Value, values.Integer("sample"), 1, candidates: "candidates");
        var seed = SeededRandom.Derive(task.Seed, "optimizer/weights").NextUInt64();
        var stage = new Stage
        {
            Name = "weights",
            SpaceAround = origin => new WeightSpace((WeightedRecipe)origin),
            OptimizerOf = (space, _) => new RandomSearch(
                space.Start, new RandomSearchOptions { PopulationSize = sizes.PopulationSize, Bounds = space.Bounds, Seed = seed }),
            SampleSize = sizes.SampleSize,
            MaxEvaluations = task.HasBudget ? null : candidates,
        };
        var (evaluations, queries) = sizes.Forecast(task, [candidates], 1);
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames), [stage], evaluations, queries, sizes.Notes);
    }
}
