using Cuvee.Formats;
using Cuvee.Merging.Methods;
using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>CMA-ES over the parameters of one merge method (TIES, DARE ...) applied to the whole pool.</summary>
public sealed class MergeMethodSearch(MergeMethods methods) : ISearch
{
    private const string Parameters = "parameters";
    private const string Weights = "weights";

    private static readonly SettingValues Defaults = new(
        ("method", "ties"),
        ("coordinates", (string[])[Parameters]),
        ("candidates", 120),
        ("population", 8),
        ("step_size", 0.2),
        ("penalty", 0),
        (SearchSetting.HeldOut, 0.2),
        ("check_every", 1),
        ("patience", 5));

    public string Name => "merge-method";

    public string Summary => "CMA-ES over the parameters of a merge method (settings.method), and its weights of the adapters.";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new ChoiceSetting("method", "The merge method.", [.. methods.Select(method => method.Name)]),
        new ListSetting("coordinates", "What is searched: the method's parameters, its weight of each adapter.", [Parameters, Weights]),
        new NumberSetting("candidates", "Candidates without a budget.", 1, 1e8, IsWhole: true),
        .. CmaEsSettings.Declared,
        .. SearchSetting.EarlyStopping,
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } = [new("default", MergeSpace.Delta, Defaults)];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return $"{settings.Values.Text("method")} ({string.Join(" and ", settings.Values.List("coordinates")!)} by CMA-ES)";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var method = methods.Find(values.Text("method")!);
        var coordinates = values.List("coordinates")!;
        var defaults = new MethodRecipe(
            method.Name,
            new Dictionary<string, double>(),
            [.. task.AdapterNames.Select(name => new AdapterParameters(name))],
            task.Seed);
        var candidates = values.Integer("candidates")!.Value;
        var sizes = GenerationSizes.Fit(
            task, values.Integer("population")!.Value, values.Integer("sample"), 1, candidates: "candidates");
        MethodSpace Space(MethodRecipe origin) =>
            new(method, origin, coordinates.Contains(Parameters), coordinates.Contains(Weights));
        var space = Space(defaults);
        if (space.CoordinateNames.Count == 0)
        {
            throw new BadInputException(
                $"{task.File}: method '{method.Name}' has nothing to search in settings.coordinates [{string.Join(", ", coordinates)}]; " +
                "add weights or parameters, or choose another method.");
        }

        var stage = CmaEsSettings.Stage(task, sizes, "parameters") with
        {
            SpaceAround = origin => Space((MethodRecipe)origin),
            MaxEvaluations = task.HasBudget ? null : candidates,
        };
        var (evaluations, queries) = sizes.Forecast(task, [candidates], stage.CheckEvery);
        var start = space.Decode(space.Start); // as the stage asks it: what wins is what was measured, and not billed twice
        return new SearchProgram(start, [stage], evaluations, queries, sizes.Notes);
    }
}

/// <summary>A method's searched parameters, then its <c>weight</c> of each adapter; everything else as in the recipe.</summary>
internal sealed class MethodSpace : ISearchSpace
{
    private const string Weight = "weight";
    private readonly MethodRecipe origin;
    private readonly MergeParameter[] parameters;
    private readonly bool varyWeights;

    public MethodSpace(IMergeMethod method, MethodRecipe origin, bool varyParameters, bool varyWeights)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(origin);
        this.origin = origin;
        parameters = varyParameters ? [.. method.Parameters.Where(parameter => parameter.SearchRange is not null)] : [];
        var weight = method.AdapterParameters.FirstOrDefault(parameter => parameter.Name == Weight);
        this.varyWeights = varyWeights && weight?.SearchRange is not null;
        var weights = this.varyWeights ? Enumerable.Repeat(weight!, origin.Adapters.Count) : [];
        MergeParameter[] all = [.. parameters, .. weights];
        Bounds = new BoxBounds(
            [.. all.Select(each => each.SearchRange!.Value.Minimum)], [.. all.Select(each => each.SearchRange!.Value.Maximum)]);
        CoordinateNames = [.. parameters.Select(parameter => parameter.Name),
            .. this.varyWeights ? origin.Adapters.Select(adapter => adapter.Name) : []];
        Start = Encode(origin);

        double[] Encode(MethodRecipe recipe)
        {
            var point = parameters.Select(each => recipe.Parameters.GetValueOrDefault(each.Name, each.Default))
                .Concat(this.varyWeights ? recipe.Adapters.Select(each => each.Parameters.GetValueOrDefault(Weight, weight!.Default)) : [])
                .ToArray();
            Bounds.Clip(point);
            return point;
        }
    }

    public BoxBounds Bounds { get; }

    public IReadOnlyList<double> Start { get; }

    public IReadOnlyList<string> CoordinateNames { get; }

    /// <summary>Of a parameter that is searched over all its values they are not; of weights they are.</summary>
    public bool BoundsAreLimits(int coordinate) => coordinate >= parameters.Length
        || parameters[coordinate].SearchRange != (parameters[coordinate].Minimum, parameters[coordinate].Maximum);

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        var values = new Dictionary<string, double>(origin.Parameters);
        for (var i = 0; i < parameters.Length; i++) values[parameters[i].Name] = point[i];
        return origin with
        {
            Parameters = values,
            Adapters = varyWeights
                ? [.. origin.Adapters.Select((adapter, i) => adapter with
                {
                    Parameters = new Dictionary<string, double>(adapter.Parameters) { [Weight] = point[parameters.Length + i] },
                })]
                : origin.Adapters,
        };
    }
}
