using Cuvee.Numerics;
using Cuvee.Optimization.FisherProbing;

namespace Cuvee.Searches;

/// <summary>Newton steps over weights on a logistic model of the answers' tokens, from finite differences of their log-probabilities
/// (docs/optimizers.md); Cuvee's own.</summary>
public sealed class FisherProbingSearch : ISearch
{
    private const string LayerAdapters = "layer_adapters";
    private const string LayerBudget = "layer_budget";
    private const string ProbedWeights = "probed_weights";
    private const string ProbeRecords = "probe_records";

    // A tight budget buys rounds before it buys precise ones or layers: bench/results/fisher-large-pools.md.
    private const int EnoughRounds = 10;
    private const int FewestProbeRecords = 6;
    private const int UsualProbeRecords = 12;
    private const int UsualLayerAdapters = 6;

    // A line search compares at most this many points: three dampings and the point they must beat.
    private const int LineSearchPoints = 4;

    // Chosen on development targets: bench/results/fisher-defaults.md, those of layers bench/results/fisher-layers.md (two of whose targets
    // are in published tables too).
    private static readonly SettingValues Defaults = new(
        ("rounds", 10),
        ("line_search_records", 40),
        ("probe_growth", 1.0),
        (ProbedWeights, 0),
        ("probe_step", 0.05),
        ("averaging", 0.7),
        ("damping", 0.05),
        (LayerBudget, 0.4),
        (SearchSetting.HeldOut, 0),
        ("check_every", 2),
        ("patience", 5));

    public string Name => "fisher-probing";

    public string Summary =>
        "Newton steps over weights of adapters, then of layers, from finite differences of log-probabilities (docs/optimizers.md).";

    public SearchNeeds Needs => SearchNeeds.LogProbabilities;

    public bool TakesStart => true;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("rounds", "Rounds at most without a budget.", 1, 10_000, IsWhole: true),
        new NumberSetting(
            ProbeRecords,
            $"Records that a round's probes are measured on; by default as many as leave {EnoughRounds} rounds of the adapters' weights, " +
            $"{FewestProbeRecords} to {UsualProbeRecords}.",
            1, 10_000, IsWhole: true),
        new NumberSetting("probe_growth", "Factor on those records from round to round.", 1, 10),
        new NumberSetting("line_search_records", "Records of the fixed set that decides between steps.", 1, 100_000, IsWhole: true),
        new NumberSetting(
            ProbedWeights, "Weights that a round after the first probes and moves, half of them the largest, half drawn; 0: all.",
            0, 10_000, IsWhole: true),
        new NumberSetting("probe_step", "Finite-difference step of a weight.", 1e-4, 1),
        new NumberSetting("averaging", "Weight of a round's tokens one round later.", 0, 0.99),
        new NumberSetting("damping", "First damping, in units of the mean curvature of a weight.", 1e-6, 100),
        new NumberSetting(
            LayerAdapters,
            "Adapters of the largest weights whose layers get weights of their own in a second stage; 0: no such stage; by default " +
            $"{UsualLayerAdapters} where the budget holds {EnoughRounds} rounds of the adapters' weights beside it.",
            0, 10_000, IsWhole: true),
        new NumberSetting(LayerBudget, "Part of the budget that the second stage gets.", 0.01, 0.99),
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Defaults),
        new("quick", MergeSpace.Delta, Defaults.With((ProbeRecords, 8), ("line_search_records", 30), ("rounds", 5))),
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
        var rounds = values.Integer("rounds")!.Value;

        // What adapters alone answered is the slope around the base model: coarse, and worth nothing around a good start.
        int[] known = task.Start is not null
            ? []
            : [.. Enumerable.Range(0, task.Split.Search.Count).Where(i => task.AskedOfAll.Contains(task.Split.Search[i]))];
        RoundCost WeightsOf(int probed) => new(task, task.AdapterNames.Count, probed, Math.Min(known.Length, probed));
        var probeRecords = values.Integer(ProbeRecords)
            ?? Enumerable.Range(FewestProbeRecords, UsualProbeRecords - FewestProbeRecords + 1)
                .Where(probed => WeightsOf(probed).FitsIn(1, EnoughRounds)).DefaultIfEmpty(FewestProbeRecords).Max();
        var weights = WeightsOf(probeRecords);
        int[] alone = [.. known.Take(probeRecords)];
        GenerationSizes.RequireBudget(task, task.Budget.Evaluations, weights.LeastEvaluations, "evaluations");
        GenerationSizes.RequireBudget(task, task.Budget.Queries, weights.LeastQueries, "queries");
        var stages = new List<Stage> { Stage(task, "weights", origin => new WeightSpace(origin), probeRecords, alone) };
        var (costs, notes) = (new List<RoundCost> { weights }, new List<string>());
        var layered = Math.Min(values.Integer(LayerAdapters) ?? UsualLayerAdapters, task.AdapterNames.Count);
        if (layered > 0 && task.Layers.Count > 1)
        {
            var layers = new RoundCost(task, layered * task.Layers.Count, probeRecords, known: 0);
            var share = values.Number(LayerBudget)!.Value;
            if (!layers.FitsIn(share, 1) || !weights.FitsIn(1 - share, 1))
            {
                notes.Add("no weights of layers: the budget holds no round of them beside one of the adapters' weights.");
            }
            else if (values.Integer(LayerAdapters) is null && !weights.FitsIn(1 - share, EnoughRounds))
            {
                notes.Add(
                    $"no weights of layers: beside them the budget holds fewer than {EnoughRounds} rounds of the adapters' weights " +
                    $"({LayerAdapters} asks for them all the same).");
            }
            else
            {
                stages[0] = stages[0] with { BudgetShare = 1 - share };
                stages.Add(Stage(task, "layers", origin => new LayerWeightSpace(origin, task.Layers, layered), probeRecords, []));
                costs.Add(layers);
            }
        }

        return new SearchProgram(
            task.Start ?? MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames),
            stages,
            costs.Sum(cost => cost.Evaluations(rounds)),
            costs.Sum(cost => cost.Queries(rounds)),
            notes);
    }

    private static Stage Stage(
        SearchTask task, string name, Func<WeightedRecipe, ISearchSpace> spaceAround, int probeRecords, int[] alone)
    {
        var values = task.Settings.Values;
        var seed = SeededRandom.Derive(task.Seed, $"optimizer/{name}").NextUInt64();
        return new Stage
        {
            Name = name,
            SpaceAround = origin => spaceAround((WeightedRecipe)origin),
            OptimizerOf = (space, records) => new FisherProbingOptimizer(space.Start, new FisherProbingOptions
            {
                RecordCount = records,
                ProbeRecords = probeRecords,
                ProbeGrowth = values.Number("probe_growth")!.Value,
                LineSearchRecords = values.Integer("line_search_records")!.Value,
                ProbeStep = values.Number("probe_step")!.Value,
                InitialDamping = values.Number("damping")!.Value,
                Memory = values.Number("averaging")!.Value,
                FirstAlone = alone,
                CountsRecordsAlike = task.Objective.CountsRecordsAlike,
                ProbedCoordinates = Probed(task, space.Bounds.Dimension),
                MaxRounds = task.HasBudget ? null : values.Integer("rounds"),
                Bounds = space.Bounds,
                Seed = seed,
            }),
            SampleSize = task.Split.Search.Count,
            ReadsTokenLogProbabilities = true,
            CheckEvery = values.Integer("check_every")!.Value,
            Patience = values.Integer("patience")!.Value,
        };
    }

    private static int Probed(SearchTask task, int coordinates) =>
        task.Settings.Values.Integer(ProbedWeights) is { } probed and > 0 ? Math.Min(probed, coordinates) : coordinates;

    /// <summary>What a stage over so many coordinates costs at most, its re-evaluations included.</summary>
    /// <param name="known">Records of a first round that only the base model has still to be asked; 0: an ordinary first round.</param>
    private sealed class RoundCost(SearchTask task, int coordinates, int probeRecords, int known)
    {
        private readonly double growth = task.Settings.Values.Number("probe_growth")!.Value;
        private readonly int lineRecords = Math.Min(
            task.Settings.Values.Integer("line_search_records")!.Value, task.Split.Search.Count);

        public long LeastEvaluations => Evaluations(1);

        public long LeastQueries => Queries(1);

        public bool FitsIn(double share, int rounds) =>
            (task.Budget.Evaluations is not { } evaluations || evaluations * share >= Evaluations(rounds))
            && (task.Budget.Queries is not { } queries || queries * share >= Queries(rounds));

        public long Evaluations(int rounds) =>
            coordinates + ((rounds - 1L) * Probed(task, coordinates)) + (rounds * (1L + LineSearchPoints)) + GenerationSizes.Rechecks;

        public long Queries(int rounds)
        {
            var sum = (long)GenerationSizes.Rechecks * task.Records;
            for (var round = 0; round < rounds; round++)
            {
                var records = (long)Math.Round(Math.Min(task.Split.Search.Count, probeRecords * Math.Pow(growth, round)));
                var probes = round == 0 ? coordinates : Probed(task, coordinates);
                sum += (round == 0 && known > 0 ? known : (probes + 1L) * records) + (LineSearchPoints * lineRecords);
            }

            return sum;
        }
    }
}
