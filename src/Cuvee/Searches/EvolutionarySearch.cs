using Cuvee.Formats;

namespace Cuvee.Searches;

/// <summary>
/// Evolutionary optimisation of merging recipes (arXiv 2403.13187) on a pool of whole models: CMA-ES over a merge method's parameters for
/// every model and layer (PS), over paths through the models' layers (DFS), or over paths with the first search's result among the models.
/// <c>paper</c> holds the authors' settings: DARE-TIES, weights and densities from 0.5, population 4 + 3 ln n, 1000 trials; paths by 100
/// generations of 128.
/// </summary>
public sealed class EvolutionarySearch : ISearch
{
    private const string Method = "method";
    private const string Searched = "parameters";
    private const string Weight = "weight";
    private const string Density = "density";
    private const string Trials = "candidates";
    private const string PathTrials = "path_candidates";
    private const string PathPopulation = "path_population";
    private const string Population = "population";
    private const string Repeats = "repeats";
    private const string Scales = "scales";
    private const string First = "first";
    private const string LowestWeight = "lowest_weight";
    private const string HighestWeight = "highest_weight";
    private const string Arithmetic = "task_arithmetic"; // the one that keeps everything, whatever the density
    private const double StartValue = 0.5;

    // Those with a weight and a density of each model.
    private static readonly string[] Methods = ["dare_linear", "dare_ties", Arithmetic];

    private static readonly Dictionary<string, PathScales> ScaleKinds = new(StringComparer.Ordinal)
    {
        ["none"] = PathScales.None,
        ["matrix"] = PathScales.Matrix,
        ["network"] = PathScales.Network,
    };

    private static readonly SettingValues Shared = new(
        ("step_size", 1.0 / 6), ("penalty", 0), (SearchSetting.HeldOut, 0.2), ("check_every", 3), ("patience", 8));

    private static readonly SettingValues OverParameters = Shared.With(
        (Method, Arithmetic), (Searched, (string[])[Weight]), (LowestWeight, -0.5), (HighestWeight, 1.5), (Trials, 400));

    private static readonly SettingValues OverPaths = Shared.With(
        (PathTrials, 640), (PathPopulation, 32), (Repeats, 2), (Scales, "network"));

    private static readonly SettingValues PaperParameters = OverParameters.With(
        (Method, "dare_ties"), (Searched, (string[])[Weight, Density]), (LowestWeight, 0), (HighestWeight, 1), (Trials, 1000),
        (SearchSetting.HeldOut, 0), ("sample", 1_000_000));

    private static readonly SettingValues PaperPaths = OverPaths.With(
        (PathTrials, 12_800), (PathPopulation, 128), (Repeats, 3), (Scales, "matrix"), (SearchSetting.HeldOut, 0), ("sample", 1_000_000));

    private readonly bool overParameters;
    private readonly bool overPaths;

    private EvolutionarySearch(string name, string summary, bool overParameters, bool overPaths)
    {
        (Name, Summary, this.overParameters, this.overPaths) = (name, summary, overParameters, overPaths);
        Settings =
        [
            .. overParameters
                ? (SearchSetting[])
                [
                    new ChoiceSetting(Method, "The merge method, with mergekit's definition.", Methods),
                    new ListSetting(Searched, "What is searched for each model and layer.", [Weight, Density]),
                    new NumberSetting(LowestWeight, "Smallest weight.", -10, 10),
                    new NumberSetting(HighestWeight, "Largest weight.", -10, 10),
                    new NumberSetting(Trials, "Candidates of the search over parameters without a budget.", 1, 1e8, IsWhole: true),
                    new NumberSetting(Population, "Candidates a generation over parameters; unset: 4 + 3 ln n.", 4, 10_000, IsWhole: true),
                ]
                : [],
            .. overPaths
                ? (SearchSetting[])
                [
                    .. overParameters
                        ? (SearchSetting[])[] // what the search over parameters found is where this one starts
                        : [new AdapterSetting(First, "The model that the path starts as, and whose embeddings and head it has; unset: " +
                            "the first by name.")],
                    new NumberSetting(Repeats, "How often all layers stand in the row of slots.", 1, 100, IsWhole: true),
                    new ChoiceSetting(Scales, "What scales the hidden state between layers.", [.. ScaleKinds.Keys]),
                    new NumberSetting(PathTrials, "Candidates of the search over paths without a budget.", 1, 1e8, IsWhole: true),
                    new NumberSetting(PathPopulation, "Candidates a generation over paths.", 4, 10_000, IsWhole: true),
                ]
                : [],
            .. CmaEsSettings.Declared.Where(setting => setting.Name != Population),
            .. SearchSetting.EarlyStopping,
        ];
        SettingValues Both(SettingValues parameters, SettingValues paths) =>
            !overPaths ? parameters : !overParameters ? paths : parameters.With(paths.All);
        Presets =
        [
            new("default", MergeSpace.Delta, Both(OverParameters, OverPaths)),
            new("paper", MergeSpace.Delta, Both(PaperParameters, PaperPaths)),
        ];
    }

    /// <summary>PS.</summary>
    public static EvolutionarySearch Parameters { get; } = new(
        "evolutionary-ps", "CMA-ES over a merge method's parameters per layer of whole models (arXiv 2403.13187, PS).", true, false);

    /// <summary>DFS.</summary>
    public static EvolutionarySearch Paths { get; } = new(
        "evolutionary-dfs", "CMA-ES over paths through the layers of whole models (arXiv 2403.13187, DFS).", false, true);

    /// <summary>PS, then DFS with its result.</summary>
    public static EvolutionarySearch ParametersThenPaths { get; } = new(
        "evolutionary-ps+dfs", "evolutionary-ps, then evolutionary-dfs with its result as the first model (arXiv 2403.13187).", true, true);

    public string Name { get; }

    public string Summary { get; }

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; }

    public IReadOnlyList<SearchPreset> Presets { get; }

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var method = settings.Values.Text(Method);
        return (overParameters, overPaths) switch
        {
            (true, false) => $"evolutionary PS ({method})",
            (false, true) => "evolutionary DFS",
            _ => $"evolutionary PS ({method}), then DFS",
        };
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!task.WholeModels || (overPaths && task.PathLayers is null))
        {
            throw new BadInputException(
                $"{task.File}: search '{Name}' merges whole models of a base; set model: {{provider: checkpoints, path: BASE}} and " +
                "pool: the folder of the models, or choose another search.");
        }

        var values = task.Settings.Values;
        var trials = overParameters ? values.Integer(Trials)!.Value : 0;
        var pathTrials = overPaths ? values.Integer(PathTrials)!.Value : 0;
        var (stages, notes) = (new List<Stage>(), new List<string>());
        var (evaluations, queries) = (0L, 0L);
        void Add(Stage stage, GenerationSizes sizes, int candidates, double share)
        {
            stages.Add(stage with { MaxEvaluations = task.HasBudget ? null : candidates, BudgetShare = share });
            var forecast = sizes.Forecast(task, [candidates], stage.CheckEvery);
            (evaluations, queries) = (evaluations + forecast.Evaluations, queries + forecast.Queries);
            notes.AddRange(sizes.Notes);
        }

        MergeRecipe? start = null;
        if (overParameters)
        {
            var (recipe, stage, sizes) = OverParametersOf(task, (double)trials / (trials + pathTrials));
            start = recipe;
            Add(stage, sizes, trials, (double)trials / (trials + pathTrials));
        }

        if (overPaths)
        {
            var sizes = GenerationSizes.Fit(
                task, values.Integer(PathPopulation)!.Value, values.Integer("sample"), (double)pathTrials / (trials + pathTrials),
                PathPopulation, PathTrials);
            var stage = CmaEsSettings.Stage(task, sizes, "paths") with { SpaceAround = origin => SpaceOf(task, origin) };
            start ??= PathSpace.Plain(ModelsOf(task, null)[0], task.PathLayers!.Value);
            Add(stage, sizes, pathTrials, 1);
        }

        return new SearchProgram(start!, stages, evaluations, queries, notes) { AppliesMethods = overParameters };
    }

    private static (MergeRecipe Start, Stage Stage, GenerationSizes Sizes) OverParametersOf(SearchTask task, double share)
    {
        var values = task.Settings.Values;
        var searched = values.List(Searched)!;
        var (lowest, highest) = (values.Number(LowestWeight)!.Value, values.Number(HighestWeight)!.Value);
        if (lowest >= highest)
        {
            throw new BadInputException(
                $"{task.File}: 'settings.{LowestWeight}' is {lowest}, which is not below {HighestWeight} {highest}; change one.");
        }

        if (values.Text(Method) == Arithmetic && searched.Contains(Density))
        {
            throw new BadInputException(
                $"{task.File}: 'settings.{Searched}' names {Density}, which method '{Arithmetic}' does not read; leave it out, or choose " +
                $"another method ({string.Join(", ", Methods.Where(method => method != Arithmetic))}).");
        }

        ParameterRange[] ranges =
        [
            .. searched.Select(name =>
                name == Weight ? new ParameterRange(name, lowest, highest) : new ParameterRange(name, 0, 1, IsWhole: true)),
        ];
        // Weights from 0.5 as the authors', less where many models would add up; densities from 0.5 only where they are searched.
        var weight = Math.Clamp(Math.Min(StartValue, 2 * StartValue / task.AdapterNames.Count), lowest, highest);
        var alike = new MethodRecipe(
            values.Text(Method)!,
            new Dictionary<string, double>(),
            [
                .. task.AdapterNames.Select(name => new AdapterParameters(name, new Dictionary<string, double>
                {
                    [Weight] = weight,
                    [Density] = searched.Contains(Density) ? StartValue : 1,
                })),
            ],
            task.Seed);
        var dimension = task.Layers.Count * task.AdapterNames.Count * ranges.Length;
        var population = values.Integer(Population) ?? 4 + (int)Math.Floor(3 * Math.Log(dimension));
        var sizes = GenerationSizes.Fit(task, population, values.Integer("sample"), share, candidates: Trials);
        LayerParameterSpace SpaceAround(MergeRecipe origin) => new((MethodRecipe)origin, task.Layers, ranges);
        var stage = CmaEsSettings.Stage(task, sizes, "layer-parameters") with { SpaceAround = SpaceAround };
        var space = SpaceAround(alike);
        return (space.Decode(space.Start), stage, sizes); // the start as the stage asks it: what wins was measured, and not billed twice
    }

    private static PathSpace SpaceOf(SearchTask task, MergeRecipe origin)
    {
        var values = task.Settings.Values;
        var merged = origin is PathRecipe ? null : origin;
        return new PathSpace(
            ModelsOf(task, merged), task.PathLayers!.Value, values.Integer(Repeats)!.Value, ScaleKinds[values.Text(Scales)!], merged);
    }

    private static List<string?> ModelsOf(SearchTask task, MergeRecipe? merged)
    {
        List<string?> models = [.. task.AdapterNames];
        if (merged is not null) models.Insert(0, null);
        if (task.Settings.Values.Text(First) is not { } first) return models;
        if (!models.Remove(first))
        {
            throw new BadInputException(
                $"{task.File}: 'settings.{First}' is '{first}', which is not in the pool; use one of " +
                $"{string.Join(", ", task.AdapterNames)}.");
        }

        models.Insert(0, first);
        return models;
    }
}
