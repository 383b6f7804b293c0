using Cuvee.Formats;
using Cuvee.Merging.Methods;
using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// How Evo-Merging's authors run the methods they compare with (arXiv 2509.12951): every adapter alone on the validation sample, the best
/// ones (at most 10) merged by one method, and a grid over its lambda and density; the best point by the objective is the result. A method
/// without one of the two has a smaller grid; its other parameters keep their defaults.
/// </summary>
public sealed class GridSearch(MergeMethods methods) : ISearch
{
    private const string Lambda = "lambda";
    private const string Density = "density";

    private static readonly SettingValues Protocol = new(
        ("method", "ties"),
        ("top", 10),
        (Lambda, (double[])[0.1, 0.3, 0.5, 0.7, 1]),
        (Density, (double[])[0.5, 0.7, 0.9, 1]));

    public string Name => "grid";

    public string Summary =>
        "The best adapters by their own loss, merged by one method under a grid of lambda and density (baselines of arXiv 2509.12951).";

    public SearchNeeds Needs => SearchNeeds.Objective;

    public IReadOnlyList<SearchSetting> Settings { get; } =
    [
        new ChoiceSetting("method", "The merge method.", [.. methods.Select(method => method.Name)]),
        new NumberSetting("top", "Adapters that are merged, the best ones alone, at most.", 1, 10_000, IsWhole: true),
        new NumberListSetting(Lambda, "Values of lambda.", -10, 10),
        new NumberListSetting(Density, "Values of density.", 0, 1),
        new NumberSetting(
            "sample", "Records that adapters, then grid points are compared on; unset: all, or what the budget holds.", 1, 1e6, true),
    ];

    public IReadOnlyList<SearchPreset> Presets { get; } = [new("default", MergeSpace.Delta, Protocol)];

    public string Title(SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return $"{settings.Values.Text("method")} (best {settings.Values.Integer("top")}, grid)";
    }

    public SearchProgram Prepare(SearchTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var values = task.Settings.Values;
        var method = methods.Find(values.Text("method")!);
        MergeParameter[] axes = [.. ((string[])[Lambda, Density]).Select(axis => Axis(task, method, axis)).OfType<MergeParameter>()];
        var grid = Points([.. axes.Select(axis => values.Numbers(axis.Name)!)]);
        var names = task.AdapterNames;
        var candidates = names.Count + grid.Count;
        var (sample, notes) = Sample(task, candidates);
        var space = new GridSpace(method, axes, MergeRecipes.BaseModel(task.Settings.Space), names, task.Seed);
        var stage = new Stage
        {
            Name = "grid",
            SpaceAround = _ => space,
            OptimizerOf = (_, _) => new ScreenedGrid(
                space.Start, new ScreenedGridOptions { Items = names.Count, Top = values.Integer("top")!.Value, Grid = grid }),
            SampleSize = sample,
            StartMayWin = false,
        };
        return new SearchProgram(
            MergeRecipes.BaseModel(task.Settings.Space),
            [stage],
            candidates + GenerationSizes.Rechecks,
            ((long)candidates * sample) + ((long)GenerationSizes.Rechecks * task.Records),
            notes)
        {
            HasFixedCost = true,
            AppliesMethods = true,
        };
    }

    /// <returns>Null where the method has no such parameter.</returns>
    private static MergeParameter? Axis(SearchTask task, IMergeMethod method, string name)
    {
        var given = task.Settings.Values.Numbers(name)!;
        if (method.Parameters.FirstOrDefault(parameter => parameter.Name == name) is not { } parameter)
        {
            return given.SequenceEqual(Protocol.Numbers(name)!) ? null : throw new BadInputException(
                $"{task.File}: 'settings.{name}' is given, but method '{method.Name}' has no {name}; leave it out.");
        }

        double[] outside = [.. given.Where(value => !(value >= parameter.Minimum && value <= parameter.Maximum))];
        return outside.Length == 0 ? parameter : throw new BadInputException(
            $"{task.File}: 'settings.{name}' holds {outside[0]}, but {name} of method '{method.Name}' lies in [{parameter.Minimum}, " +
            $"{parameter.Maximum}]; change it.");
    }

    // The first axis varies slowest.
    private static IReadOnlyList<double[]> Points(IReadOnlyList<IReadOnlyList<double>> axes) => axes.Aggregate(
        (IReadOnlyList<double[]>)[[]],
        (points, axis) => [.. points.SelectMany(point => axis.Select(value => (double[])[.. point, value]))]);

    private static (int Size, IReadOnlyList<string> Notes) Sample(SearchTask task, int candidates)
    {
        const string Work = "all adapters alone, the grid";
        GenerationSizes.RequireBudget(task, task.Budget.Evaluations, candidates + GenerationSizes.Rechecks, "evaluations", work: Work);
        var searchable = task.Split.Search.Count;
        var wanted = Math.Min(task.Settings.Values.Integer("sample") ?? searchable, searchable);
        if (task.Budget.Queries is not { } queries) return (wanted, []);
        var rechecks = (long)GenerationSizes.Rechecks * task.Records;
        var smallest = Math.Min(wanted, GenerationSizes.SmallestDefaultSample);
        GenerationSizes.RequireBudget(task, queries, ((long)candidates * smallest) + rechecks, "queries", work: Work);
        var fitted = (int)Math.Min(wanted, (queries - rechecks) / candidates);
        return (fitted, fitted == wanted
            ? []
            : [$"sample lowered from {wanted} to {fitted} records: the query budget holds no larger one for {candidates} candidates."]);
    }
}

/// <summary>The points of <see cref="ScreenedGrid"/>: the base model, an adapter alone, or some adapters merged by a method under the axes'
/// values.</summary>
internal sealed class GridSpace(
    IMergeMethod method, IReadOnlyList<MergeParameter> axes, WeightedRecipe baseModel, IReadOnlyList<string> names, ulong seed)
    : ISearchSpace
{
    public BoxBounds Bounds { get; } = new(
        [0, .. axes.Select(axis => axis.Minimum), .. names.Select(_ => 0.0)],
        [1, .. axes.Select(axis => axis.Maximum), .. names.Select(_ => 1.0)]);

    public IReadOnlyList<double> Start { get; } = [0, .. axes.Select(axis => axis.Default), .. names.Select(_ => 0.0)];

    public IReadOnlyList<string> CoordinateNames { get; } = [method.Name, .. axes.Select(axis => axis.Name), .. names];

    public bool BoundsAreLimits(int coordinate) => false;

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        string[] members = [.. names.Where((_, i) => point[1 + axes.Count + i] == 1)];
        return point[0] == 1
            ? new MethodRecipe(
                method.Name,
                axes.Index().ToDictionary(axis => axis.Item.Name, axis => point[1 + axis.Index]),
                [.. members.Select(name => new AdapterParameters(name))],
                seed)
            : members is [var alone] ? MergeRecipes.Single(baseModel.Space, alone) : baseModel;
    }
}
