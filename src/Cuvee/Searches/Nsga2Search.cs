using Cuvee.Formats;
using Cuvee.Numerics;
using Cuvee.Optimization.Nsga2;

namespace Cuvee.Searches;

/// <summary>
/// NSGA-II (Deb et al., IEEE Transactions on Evolutionary Computation 6, 2002) over signed weights, by several objectives at once. Every
/// candidate is measured on the same records, drawn once, because parents and children are compared. The result is the best by the first
/// objective, as in every search; beside it stands the front.
/// </summary>
public sealed class Nsga2Search : ISearch
{
    private const string Start = "start";
    private const string Random = "random";
    private const string Front = "front";
    private const string CrossoverProbability = "crossover_probability";
    private const string CrossoverIndex = "crossover_index";
    private const string MutationProbability = "mutation_probability";
    private const string MutationIndex = "mutation_index";

    // 250 generations of 100 from a random population; mutation with probability 1/N.
    private static readonly SettingValues Paper = new(
        ("candidates", 25_000),
        ("population", 100),
        (Start, Random),
        ("step_size", 0.2),
        (CrossoverProbability, 0.9),
        (CrossoverIndex, 20),
        (MutationIndex, 20),
        ("sample", 300),
        (Front, 10));

    private static readonly SettingValues Delta =
        Paper.Without("sample").With(("candidates", 600), ("population", 20), (Start, "adapters"), (Front, 8));

    public string Name => "nsga2";

    public string Summary => "Several objectives at once: signed weights and their Pareto front (NSGA-II, Deb et al. 2002).";

    public SearchNeeds Needs => SearchNeeds.SeveralObjectives;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting("candidates", "Candidates without a budget.", 1, 1e8, IsWhole: true),
        .. CmaEsSettings.Declared.Where(setting => setting.Name is "population"),
        new NumberSetting(
            "sample", "Records that all candidates are measured on; unset: fitted to the query budget, 8 to 50.", 1, 1e6, IsWhole: true),
        new ChoiceSetting(
            Start, "First population: the average, adapters alone, and draws around the average; or drawn in the box.",
            ["adapters", Random]),
        new NumberSetting("step_size", "Standard deviation of the draws around the average.", 1e-6, 10),
        new NumberSetting(CrossoverProbability, "Part of the pairs that are crossed.", 0, 1),
        new NumberSetting(CrossoverIndex, "Index of simulated binary crossover; the larger, the closer to the parents.", 0, 1000),
        new NumberSetting(MutationProbability, "Of a weight; unset: one over the number of weights.", 0, 1),
        new NumberSetting(MutationIndex, "Index of polynomial mutation; the larger, the smaller the steps.", 0, 1000),
        new NumberSetting(Front, "Points of the front that are measured on all validation records, at most.", 2, 1000, IsWhole: true),
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Delta),
        new("paper", MergeSpace.Delta, Paper),
        new("quick", MergeSpace.Delta, Delta.With(("candidates", 160), ("population", 12), ("sample", 20), (Front, 5))),
    ];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings is { Preset: "paper", IsOverridden: false } ? "nsga2 (paper)" : $"nsga2 ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        if (values.Number(CrossoverProbability) == 0 && values.Number(MutationProbability) == 0)
        {
            throw new BadInputException(
                $"{task.File}: without crossover and mutation every child is its parent; set settings.{CrossoverProbability} or " +
                $"settings.{MutationProbability} above 0.");
        }

        var (objectives, front) = (task.Objectives.Count, values.Integer(Front)!.Value);
        var sizes = Fit(task, values.Integer("population")!.Value, front);
        int[] order = [.. Enumerable.Range(0, task.Split.Search.Count)];
        SeededRandom.Derive(task.Seed, "records/nsga2").Shuffle(order.AsSpan());
        int[] sample = [.. order.Take(sizes.SampleSize).Order()];
        var candidates = values.Integer("candidates")!.Value;
        var stage = new Stage
        {
            Name = "weights",
            SpaceAround = origin => new WeightSpace((WeightedRecipe)origin),
            OptimizerOf = (space, _) => new Nsga2Optimizer(
                values.Text(Start) == Random
                    ? []
                    : FirstPopulation(space, sizes.PopulationSize, values.Number("step_size")!.Value, task.Seed),
                new Nsga2Options
                {
                    Bounds = space.Bounds,
                    PopulationSize = sizes.PopulationSize,
                    Records = sample,
                    Variation = new Variation
                    {
                        CrossoverProbability = values.Number(CrossoverProbability)!.Value,
                        CrossoverIndex = values.Number(CrossoverIndex)!.Value,
                        MutationProbability = values.Number(MutationProbability),
                        MutationIndex = values.Number(MutationIndex)!.Value,
                    },
                    Seed = SeededRandom.Derive(task.Seed, "optimizer/nsga2").NextUInt64(),
                }),
            SampleSize = sizes.SampleSize,
            FrontSize = front,
            MaxEvaluations = task.HasBudget ? null : candidates,
        };
        var (evaluations, queries) = sizes.Forecast(task, [candidates], 1);
        var ends = GenerationSizes.Rechecks; // asked by the first objective alone
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames),
            [stage],
            ((evaluations - ends + front) * objectives) + ends,
            ((queries + ((front - ends) * (long)task.Records)) * objectives) + (ends * (long)task.Records),
            sizes.Notes);
    }

    /// <summary>Sizes where every candidate is asked once an objective, and the front at the end.</summary>
    private static GenerationSizes Fit(SearchTask task, int population, int front)
    {
        var objectives = task.Objectives.Count;
        var ends = GenerationSizes.Rechecks;
        GenerationSizes.RequireBudget(
            task, task.Budget.Evaluations, ((population + (long)front) * objectives) + ends, "evaluations");
        GenerationSizes.RequireBudget(
            task, task.Budget.Queries, ((population + ((long)front * task.Records)) * objectives) + ((long)ends * task.Records), "queries");
        // Of one objective, the re-evaluations of the first beside it, as a search of one objective counts.
        var each = task with
        {
            Budget = new Configuration.RunBudget(
                ((task.Budget.Evaluations - ends) / objectives) - front + ends,
                ((task.Budget.Queries - (ends * task.Records)) / objectives) + ((ends - front) * task.Records)),
        };
        return GenerationSizes.Fit(each, population, task.Settings.Values.Integer("sample"), 1, candidates: "candidates");
    }

    /// <summary>The average, then adapters alone, drawn where there are too many, then Gaussian draws around the average.</summary>
    private static List<double[]> FirstPopulation(ISearchSpace space, int population, double stepSize, ulong seed)
    {
        var random = SeededRandom.Derive(seed, "start/nsga2");
        var average = space.Start;
        int[] adapters = [.. Enumerable.Range(0, average.Count)];
        random.Shuffle(adapters.AsSpan());
        var points = new List<double[]> { ([.. average]) };
        foreach (var adapter in adapters.Take(population - 1).Order())
            points.Add([.. average.Select((_, i) => i == adapter ? 1.0 : 0.0)]);
        while (points.Count < population)
        {
            double[] point = [.. average.Select(weight => weight + (stepSize * random.NextGaussian()))];
            space.Bounds.Clip(point);
            points.Add(point);
        }

        return points;
    }
}
