using Cuvee.Formats;
using Cuvee.Numerics;
using Cuvee.Objectives;
using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Searches;

/// <summary>
/// M2N2 (arXiv 2508.16204) over recipes: an archive of merges that compete for the records they solve, parents that attract each other by
/// what the other lacks, and children by split point and SLERP. Where the paper mixes the parameters of two models, a child here mixes
/// their coefficients, one an adapter and layer: the updates of adapters trained apart are nearly orthogonal, so that angles between
/// coefficient vectors stand for angles between updates (of equal norms), and only recipes travel. Every model is measured on the same
/// records, drawn once.
/// </summary>
public sealed class NaturalNichesSearch : ISearch
{
    private const string Children = "children";
    private const string Starts = "starts";
    private const string Archive = "archive";
    private const string Exponent = "exponent";
    private const string Attraction = "attraction";
    private const string Crossover = "crossover";
    private const string SplitPoint = "split";
    private const string Mutation = "mutation";
    private const string InFlight = "in_flight";
    private const string On = "on";
    private const string Off = "off";
    private static readonly string[] Switch = [On, Off];

    // The authors' settings where trained models are merged: all records, one child at a time, no mutation.
    private static readonly SettingValues Paper = new(
        (Children, 1000),
        (Starts, 10_000),
        (Archive, 20),
        (Exponent, 1),
        (Attraction, On),
        (Crossover, On),
        (SplitPoint, On),
        (Mutation, 0),
        (InFlight, 1),
        ("sample", 300),
        (SearchSetting.HeldOut, 0),
        ("check_every", 1),
        ("patience", 10));

    private static readonly SettingValues Delta = Paper.Without("sample").With(
        (Children, 400),
        (Starts, 20),
        (Mutation, 0.05),
        (InFlight, 4),
        (SearchSetting.HeldOut, 0.2),
        ("check_every", 5),
        ("patience", 10));

    public string Name => "natural-niches";

    public string Summary => "Merges that compete for records and attract what they lack, mixed layer by layer (M2N2, arXiv 2508.16204).";

    public SearchNeeds Needs => SearchNeeds.RecordLosses;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new NumberSetting(Children, "Children without a budget.", 1, 1e8, IsWhole: true),
        new NumberSetting(
            Starts, "Models that the archive begins with, the best on a few records: adapters alone and their average.", 2, 10_000, true),
        new NumberSetting(Archive, "Models that live at a time.", 2, 10_000, IsWhole: true),
        new NumberSetting(Exponent, "Exponent of the competition for a record; 0: none, a plain genetic algorithm.", 0, 10),
        new ChoiceSetting(Attraction, "The second parent is drawn by what the first lacks; off: by fitness.", Switch),
        new ChoiceSetting(Crossover, "Children mix two parents; off: they are mutated copies of one.", Switch),
        new ChoiceSetting(SplitPoint, "Mixing weights change sides at a drawn layer; off: one for all layers.", Switch),
        new NumberSetting(Mutation, "Standard deviation of what is added to every coefficient of a child.", 0, 1),
        new NumberSetting(InFlight, "Children asked at once, all of the same archive.", 1, 1000, IsWhole: true),
        new NumberSetting("sample", "Records that all models are measured on; unset: fitted to the query budget, 8 to 50.", 1, 1e6, true),
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } =
    [
        new("delta", MergeSpace.Delta, Delta),
        new("paper", MergeSpace.Delta, Paper),
        new("quick", MergeSpace.Delta, Delta.With((Children, 120), (Starts, 10), ("sample", 20))),
    ];

    /// <summary>"Paper" only when nothing of its preset was changed; "genetic algorithm" where nothing of niches is left.</summary>
    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings is { Preset: "paper", IsOverridden: false }) return "natural-niches (paper)";
        var name = settings.Values.Number(Exponent) == 0 && settings.Values.Text(Attraction) == Off ? "genetic algorithm" : Name;
        return $"{name} ({settings.SpaceName})";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        if (values.Text(Crossover) == Off && values.Number(Mutation) == 0)
        {
            throw new BadInputException(
                $"{task.File}: without crossover and mutation every child is its parent; set settings.crossover: on, or " +
                "settings.mutation above 0.");
        }

        var pool = task.AdapterNames.Count + 1;
        var (order, known) = Order(task);
        int[] screened = [.. order.Take(known > 0 ? known : GenerationSizes.SmallestDefaultSample)];
        var wanted = Math.Min(values.Integer(Starts)!.Value, pool);
        var isScreened = wanted < pool || task.Budget.Evaluations < pool + GenerationSizes.Rechecks;
        var screening = isScreened ? Cost(pool, screened, known) : (Evaluations: 0, Queries: 0);
        var sizes = GenerationSizes.Fit(Without(task, screening), wanted, values.Integer("sample"), 1, Starts);
        int[] sample = [.. order.Take(sizes.SampleSize)];
        var (children, inFlight, checkEvery) =
            (values.Integer(Children)!.Value, values.Integer(InFlight)!.Value, values.Integer("check_every")!.Value);
        IReadOnlyList<string> notes = sizes.Notes;
        if (!task.HasBudget && inFlight > children)
        {
            notes = [.. notes, $"{InFlight} lowered from {inFlight} to {children}: there are no more {Children}."];
            inFlight = children;
        }

        var begun = screening.Evaluations + sizes.PopulationSize;
        var perLayer = task.Layers.Count > 1;
        var stage = new Stage
        {
            Name = "niches",
            SpaceAround = origin => perLayer
                ? new PoolLayerSpace((WeightedRecipe)origin, task.Layers)
                : new WeightSpace((WeightedRecipe)origin),
            OptimizerOf = (space, _) => new NaturalNichesOptimizer(StartsIn(space, task.AdapterNames.Count), new NaturalNichesOptions
            {
                ArchiveSize = values.Integer(Archive)!.Value,
                CompetitionExponent = values.Number(Exponent)!.Value,
                Attraction = values.Text(Attraction) == On,
                InFlight = inFlight,
                Records = sample,
                Screening = new Screening(screened, sizes.PopulationSize),
                Score = task.Objective.Observes == ObservationKind.Score ? loss => Math.Exp(-loss) : loss => Math.Max(0, 1 - loss),
                Variation = new Variation
                {
                    Crossover = values.Text(Crossover) == On,
                    SplitPoint = values.Text(SplitPoint) == On,
                    SplitUnit = perLayer ? task.AdapterNames.Count : 1,
                    MutationStepSize = values.Number(Mutation)!.Value,
                    Bounds = space.Bounds,
                },
                Seed = SeededRandom.Derive(task.Seed, "optimizer/niches").NextUInt64(),
            }),
            SampleSize = sizes.SampleSize,
            MaxEvaluations = task.HasBudget ? null : begun + children,
            CheckEvery = checkEvery,
            Patience = values.Integer("patience")!.Value,
        };
        var checks = task.Split.HeldOut.Count == 0 ? 0 : ((children / inFlight) + 2L) / checkEvery;
        return new SearchProgram(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames),
            [stage],
            begun + children + checks + GenerationSizes.Rechecks,
            screening.Queries + ((sizes.PopulationSize + (long)children) * sample.Length) + (checks * task.Split.HeldOut.Count)
                + ((long)GenerationSizes.Rechecks * task.Records),
            notes);
    }

    /// <summary>Searchable records by index: those of which every adapter's answer is known first, then the others as drawn.</summary>
    private static (IReadOnlyList<int> Order, int Known) Order(SearchTask task)
    {
        int[] all = [.. Enumerable.Range(0, task.Split.Search.Count)];
        int[] known = [.. all.Where(i => task.AskedOfAll.Contains(task.Split.Search[i]))];
        int[] others = [.. all.Except(known)];
        SeededRandom.Derive(task.Seed, "records/niches").Shuffle(others.AsSpan());
        return ([.. known, .. others], known.Length);
    }

    /// <summary>Of asking all starts about the screened records; what adapters alone answered is paid for.</summary>
    private static (int Evaluations, int Queries) Cost(int pool, int[] screened, int known) =>
        (pool, screened.Length * (known > 0 ? 1 : pool));

    private static SearchTask Without(SearchTask task, (int Evaluations, int Queries) spent) => task with
    {
        Budget = task.Budget with
        {
            Evaluations = task.Budget.Evaluations - spent.Evaluations,
            Queries = task.Budget.Queries - spent.Queries,
        },
    };

    /// <summary>Every adapter alone, in all layers, then where the search starts: [adapters + 1][coordinates].</summary>
    private static IReadOnlyList<IReadOnlyList<double>> StartsIn(ISearchSpace space, int adapters)
    {
        var average = space.Start;
        return
        [
            .. Enumerable.Range(0, adapters).Select(adapter =>
                (double[])[.. average.Select((_, coordinate) => coordinate % adapters == adapter ? 1.0 : 0.0)]),
            average,
        ];
    }
}
