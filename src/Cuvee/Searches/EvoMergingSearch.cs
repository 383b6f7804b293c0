using Cuvee.Formats;
using Cuvee.Numerics;
using Cuvee.Optimization.CmaEs;

namespace Cuvee.Searches;

/// <summary>
/// Evo-Merging (arXiv 2509.12951): CMA-ES over keep fractions at weights 1/N (sparsity-based denoising), then over signed weights at the
/// keep fractions found (sign-aware scaling). <c>paper</c> holds the authors' settings (appendix and released code).
/// </summary>
public sealed class EvoMergingSearch : ISearch
{
    private const string KeepFractions = "keep-fractions";
    private const string Weights = "weights";
    private const string KeepFractionCandidates = "keep_fraction_candidates";
    private const string WeightCandidates = "weight_candidates";
    private const string LowestWeight = "lowest_weight";
    private const string Pruned = "pruned";

    private static readonly Dictionary<string, PrunedFactor> Factors = new(StringComparer.Ordinal)
    {
        ["a"] = PrunedFactor.LoraA,
        ["b"] = PrunedFactor.LoraB,
        ["both"] = PrunedFactor.Both,
    };

    private static readonly string[] BothStages = [KeepFractions, Weights];

    // 400 + 800 candidates in generations of 20, each on the whole validation set (up to 300 records).
    private static readonly SettingValues Paper = new(
        ("stages", BothStages),
        (Pruned, "a"),
        (KeepFractionCandidates, 400),
        (WeightCandidates, 800),
        ("population", 20),
        ("step_size", 0.05),
        ("sample", 300),
        ("penalty", 0.05),
        (SearchSetting.HeldOut, 0.1),
        ("check_every", 1),
        ("patience", 10));

    // First steps fitted to the pool, smaller samples fitted to the budget.
    private static readonly SettingValues Delta = Paper.Without("sample").Without("step_size").With(
        (KeepFractionCandidates, 200),
        (WeightCandidates, 400),
        ("penalty", 0.01),
        (SearchSetting.HeldOut, 0.2),
        ("check_every", 3),
        ("patience", 5));

    public string Name => "evo-merging";

    public string Summary => "CMA-ES over keep fractions, then over signed weights (Evo-Merging, arXiv 2509.12951).";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new ListSetting("stages", "What is searched, in this order.", BothStages),
        new NumberSetting(KeepFractionCandidates, "Candidates of the first stage without a budget.", 1, 1e8, IsWhole: true),
        new NumberSetting(WeightCandidates, "Candidates of the second stage without a budget.", 1, 1e8, IsWhole: true),
        new ChoiceSetting(Pruned, "What keep fractions prune: LoraA as published, LoraB instead, or both.", [.. Factors.Keys]),
        new NumberSetting(LowestWeight, "Smallest weight of the second stage; 0 allows no negative one.", -WeightSpace.Limit, 0),
        .. CmaEsSettings.Declared,
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Delta),
        new("paper", MergeSpace.Factors, Paper),
        new("quick", MergeSpace.Delta, Delta.With(
            (KeepFractionCandidates, 60), (WeightCandidates, 120), ("population", 10), ("sample", 20))),
    ];

    /// <summary>Evo-Merging only when both stages run, in the authors' order; "paper" only when nothing of it was changed.</summary>
    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var stages = settings.Values.List("stages")!;
        if (!stages.SequenceEqual(BothStages))
            return $"CMA-ES over {string.Join(", then ", stages.Select(stage => stage.Replace('-', ' ')))} ({settings.SpaceName})";
        if (settings is { Preset: "paper", IsOverridden: false }) return "evo-merging (paper)";
        var lowest = settings.Values.Number(LowestWeight) is { } weight ? $", weights from {weight}" : "";
        var pruned = settings.Values.Text(Pruned) switch { "b" => ", LoraB pruned", "both" => ", both factors pruned", _ => "" };
        return $"evo-merging ({settings.SpaceName}{lowest}{pruned})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var names = values.List("stages")!;
        string[] limits = [.. names.Select(name => name == KeepFractions ? KeepFractionCandidates : WeightCandidates)];
        int[] candidates = [.. limits.Select(limit => values.Integer(limit)!.Value)];
        if (names.Contains(KeepFractions) && task.KeepFractions is { Count: < 2 })
        {
            throw new BadInputException(
                $"{task.File}: the provider has the adapters as they are, and stage '{KeepFractions}' needs them pruned, too; set " +
                $"settings: {{stages: [{Weights}]}}, or give the provider several keep fractions of each adapter.");
        }

        var pruned = Factors[values.Text(Pruned)!];
        if (pruned != PrunedFactor.LoraA && (task.WholeModels || task.KeepFractions is not null))
        {
            throw new BadInputException(
                $"{task.File}: 'settings.{Pruned}' is {values.Text(Pruned)}, and the provider has no factors that it could " +
                "prune; leave it out.");
        }

        var total = (double)candidates.Sum();
        var sizes = GenerationSizes.Fit(
            task, values.Integer("population")!.Value, values.Integer("sample"), candidates.Min() / total, candidates: limits);
        var stages = names.Select((name, i) => CmaEsSettings.Stage(task, sizes, name) with
        {
            SpaceAround = origin => name == KeepFractions
                ? new KeepFractionSpace((WeightedRecipe)origin, task.KeepFractions)
                : new WeightSpace((WeightedRecipe)origin, values.Number(LowestWeight) ?? -WeightSpace.Limit),
            MaxEvaluations = task.HasBudget ? null : candidates[i],
            BudgetShare = candidates.Take(i + 1).Sum() / total,
        });
        var (evaluations, queries) = sizes.Forecast(task, candidates, values.Integer("check_every")!.Value);
        var levels = names.Contains(KeepFractions) && task.KeepFractions is { } fractions
            ? (string[])[$"keep fractions are {string.Join(", ", fractions)}: those that the provider has files of."]
            : [];
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames) with { Pruned = pruned }, [.. stages], evaluations, queries,
            [.. sizes.Notes, .. levels]);
    }
}

/// <summary>What every search by CMA-ES shares.</summary>
internal static class CmaEsSettings
{
    private const double LargestStep = 0.2;

    // A step of 0.2 was chosen for 27 weights, 0.05 is the best for 116 (docs/results/first-step.md); weights begin at 1/N.
    private const double StepOfOneWeight = 5.5;

    public static IReadOnlyList<SearchSetting> Declared { get; } =
    [
        new NumberSetting("population", "Candidates a generation.", 4, 10_000, IsWhole: true),
        new NumberSetting("sample", "Records of a generation's common sample; unset: fitted to the query budget, 8 to 50.", 1, 1e6, true),
        new NumberSetting("penalty", "Weight of the mean absolute coordinate beside the loss.", 0, 100),
        new NumberSetting(
            "step_size", "First standard deviation, in units of a coordinate; unset: 0.2, for weights at most 5.5/N.", 1e-6, 10),
    ];

    /// <summary>A stage by CMA-ES; the space is still to be set.</summary>
    public static Stage Stage(SearchTask task, GenerationSizes sizes, string name)
    {
        var values = task.Settings.Values;
        var seed = SeededRandom.Derive(task.Seed, $"optimizer/{name}").NextUInt64();
        return new Stage
        {
            Name = name,
            SpaceAround = origin => new WeightSpace((WeightedRecipe)origin),

            // The sample changes every generation, so the tests that compare losses across generations (tolfun, tolfunhist, stagnation)
            // would read sampling noise; early stopping on held-out records takes their place.
            OptimizerOf = (space, _) => new CmaEsOptimizer(space.Start, new CmaEsOptions
            {
                InitialStepSize = values.Number("step_size") ?? FittedStep(space),
                PopulationSize = sizes.PopulationSize,
                Bounds = space.Bounds,
                Seed = seed,
                Tolerances = CmaEsTolerances.None with { TolX = 1e-6 },
            }),
            PenaltyStrength = values.Number("penalty")!.Value,
            SampleSize = sizes.SampleSize,
            CheckEvery = values.Integer("check_every")!.Value,
            Patience = values.Integer("patience")!.Value,
        };
    }

    private static double FittedStep(ISearchSpace space) =>
        space is WeightSpace ? Math.Min(LargestStep, StepOfOneWeight / space.Start.Count) : LargestStep;
}
