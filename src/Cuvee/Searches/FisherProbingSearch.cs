using Cuvee.Numerics;
using Cuvee.Optimization.FisherProbing;

namespace Cuvee.Searches;

/// <summary>Newton steps over weights on a logistic model of the answers' tokens, from finite differences of their log-probabilities
/// (docs/optimizers.md); Cuvee's own.</summary>
public sealed class FisherProbingSearch : ISearch
{
    // A line search compares at most this many points: three dampings and the point they must beat.
    private const int LineSearchPoints = 4;

    // Chosen on development targets, not on those of the published tables: bench/results/fisher-defaults.md.
    private static readonly SettingValues Defaults = new(
        ("rounds", 10),
        ("probe_records", 12),
        ("line_search_records", 40),
        ("probe_step", 0.05),
        ("averaging", 0.7),
        ("damping", 0.05),
        (SearchSetting.HeldOut, 0),
        ("check_every", 2),
        ("patience", 5));

    public string Name => "fisher-probing";

    public string Summary => "Newton steps over weights from finite differences of log-probabilities (docs/optimizers.md).";

    public SearchNeeds Needs => SearchNeeds.LogProbabilities;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("rounds", "Rounds at most without a budget.", 1, 10_000, IsWhole: true),
        new NumberSetting("probe_records", "Records that a round's probes are measured on.", 1, 10_000, IsWhole: true),
        new NumberSetting("line_search_records", "Records of the fixed set that decides between steps.", 1, 100_000, IsWhole: true),
        new NumberSetting("probe_step", "Finite-difference step of a weight.", 1e-4, 1),
        new NumberSetting("averaging", "Weight of a round's tokens one round later.", 0, 0.99),
        new NumberSetting("damping", "First damping, in units of the mean curvature of a weight.", 1e-6, 100),
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Defaults),
        new("quick", MergeSpace.Delta, Defaults.With(("probe_records", 8), ("line_search_records", 30), ("rounds", 5))),
    ];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return $"fisher-probing ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var searchable = task.Split.Search.Count;
        var probeRecords = Math.Min(values.Integer("probe_records")!.Value, searchable);
        var lineRecords = Math.Min(values.Integer("line_search_records")!.Value, searchable);
        var rounds = values.Integer("rounds")!.Value;
        var probes = task.AdapterNames.Count + 1L;
        var rechecks = GenerationSizes.Rechecks;
        var round = (probes * probeRecords) + (LineSearchPoints * lineRecords);
        GenerationSizes.RequireBudget(task, task.Budget.Evaluations, probes + LineSearchPoints + rechecks, "evaluations");
        GenerationSizes.RequireBudget(task, task.Budget.Queries, round + (rechecks * task.Records), "queries");
        var seed = SeededRandom.Derive(task.Seed, "optimizer/weights").NextUInt64();
        var stage = new Stage
        {
            Name = "weights",
            SpaceAround = origin => new WeightSpace((WeightedRecipe)origin),
            OptimizerOf = (space, records) => new FisherProbingOptimizer(space.Start, new FisherProbingOptions
            {
                RecordCount = records,
                ProbeRecords = values.Integer("probe_records")!.Value,
                LineSearchRecords = values.Integer("line_search_records")!.Value,
                ProbeStep = values.Number("probe_step")!.Value,
                InitialDamping = values.Number("damping")!.Value,
                Memory = values.Number("averaging")!.Value,
                MaxRounds = task.HasBudget ? null : rounds,
                Bounds = space.Bounds,
                Seed = seed,
            }),
            SampleSize = searchable,
            ReadsTokenLogProbabilities = true,
            CheckEvery = values.Integer("check_every")!.Value,
            Patience = values.Integer("patience")!.Value,
        };
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames),
            [stage],
            (rounds * (probes + LineSearchPoints)) + rechecks,
            (rounds * round) + ((long)rechecks * task.Records),
            []);
    }
}
