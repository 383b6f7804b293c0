using Cuvee.Formats;
using Cuvee.Numerics;

namespace Cuvee.Searches;

/// <summary>
/// CMA-ES over signed weights alone, Evo-Merging's second stage. <c>lorahub</c> holds LoRAHub's settings (arXiv 2307.13269): 20 modules
/// drawn from the pool for each experiment, weights from 0, cross-entropy on all records plus 0.05 mean |w|, 40 steps. The paper leaves
/// population and first step to its optimiser (nevergrad); here 10, and a sixth of the weights' range.
/// </summary>
public sealed class CmaEsSearch : ISearch
{
    private const string Start = "start";
    private const string Draw = "draw";
    private const string Uniform = "uniform";
    private const string Zero = "zero";
    private const string BestSingle = "best-single";

    private static readonly SettingValues Defaults = new(
        (Start, Uniform),
        ("candidates", 600),
        ("population", 20),
        ("penalty", 0.01),
        (SearchSetting.HeldOut, 0.2),
        ("check_every", 3),
        ("patience", 5));

    private static readonly SettingValues LoraHub = Defaults.With(
        (Start, Zero),
        (Draw, 20),
        ("candidates", 40),
        ("population", 10),
        ("step_size", 0.5),
        ("sample", 300),
        ("penalty", 0.05),
        (SearchSetting.HeldOut, 0));

    public string Name => "cma-es";

    public string Summary => "CMA-ES over signed weights, everything kept (as LoRAHub, arXiv 2307.13269).";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public bool TakesStart => true;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("candidates", "Candidates without a budget.", 1, 1e8, IsWhole: true),
        new ChoiceSetting(
            Start, "Weights that the search begins with: 1/N each, 0, or the best single adapter's 1.", [Uniform, Zero, BestSingle]),
        new NumberSetting(Draw, "Adapters drawn at random from the pool, by the run's seed; unset: all.", 1, 1e6, IsWhole: true),
        .. CmaEsSettings.Declared,
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Defaults),
        new("lorahub", MergeSpace.Factors, LoraHub),
        new("quick", MergeSpace.Delta, Defaults.With(("candidates", 160), ("population", 10), ("sample", 20))),
    ];

    /// <summary>"LoRAHub" only when nothing of its preset was changed.</summary>
    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings is { Preset: "lorahub", IsOverridden: false } ? "LoRAHub (factors)" : $"CMA-ES over weights ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var candidates = values.Integer("candidates")!.Value;
        var sizes = GenerationSizes.Fit(
            task, values.Integer("population")!.Value, values.Integer("sample"), 1, candidates: "candidates");
        var stage = CmaEsSettings.Stage(task, sizes, "weights") with { MaxEvaluations = task.HasBudget ? null : candidates };
        var (evaluations, queries) = sizes.Forecast(task, [candidates], stage.CheckEvery);
        if (task.Start is { } given)
        {
            if (values.Integer(Draw) is not null)
            {
                throw new BadInputException(
                    $"{task.File}: 'start' and 'settings.{Draw}' both choose adapters; leave one out (preset lorahub sets the latter).");
            }

            return values.Text(Start) == Uniform
                ? new SearchProgram(given, [stage], evaluations, queries, sizes.Notes)
                : throw new BadInputException($"{task.File}: 'start' and 'settings.{Start}' are two beginnings; leave one out.");
        }

        var (names, notes) = Drawn(task, values.Integer(Draw));
        var atSingle = values.Text(Start) == BestSingle;
        if (atSingle && names.Count < task.AdapterNames.Count)
        {
            throw new BadInputException(
                $"{task.File}: 'settings.{Start}' is {BestSingle}, which 'settings.{Draw}' may not draw; leave one of them out.");
        }

        var start = MergeRecipes.Equal(task.Settings.Space, names, values.Text(Start) == Uniform ? 1.0 / names.Count : 0);
        return new SearchProgram(start, [stage], evaluations, queries, [.. sizes.Notes, .. notes])
        {
            StartAtSingle = atSingle
                ? single => start with
                {
                    Adapters = [.. start.Adapters.Select(share => share.Name == single ? share with { Weight = 1 } : share)],
                }
                : null,
        };
    }

    private static (IReadOnlyList<string> Names, IReadOnlyList<string> Notes) Drawn(SearchTask task, int? count)
    {
        if (count is null) return (task.AdapterNames, []);
        if (count >= task.AdapterNames.Count)
            return (task.AdapterNames, [$"all {task.AdapterNames.Count} adapters take part: draw is {count}."]);
        string[] names = [.. task.AdapterNames];
        SeededRandom.Derive(task.Seed, "draw").Shuffle(names.AsSpan());
        string[] drawn = [.. names.Take(count.Value).Order(StringComparer.Ordinal)];
        return (drawn, [$"{count} of {names.Length} adapters drawn: {string.Join(", ", drawn)}."]);
    }
}
