using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Merging.Methods;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Providers;

namespace Cuvee.Searches;

/// <summary>
/// Everything one search is: its name in run.yaml, settings with ranges, presets, what it must see of the black box, stages and cost. One
/// object, registered in <see cref="Catalog"/>; nothing else in the project names a search. Immutable and thread-safe.
/// </summary>
public interface ISearch
{
    /// <summary>As users write it, such as <c>fisher-probing</c>.</summary>
    string Name { get; }

    /// <summary>One sentence for people: what it does, with its source.</summary>
    string Summary { get; }

    IReadOnlyList<SearchSetting> Settings { get; }

    /// <summary>At least one; the first is the default.</summary>
    IReadOnlyList<SearchPreset> Presets { get; }

    /// <summary>What its optimisers are told beside the loss of a sample; what the provider or the run file cannot give is
    /// refused.</summary>
    SearchNeeds Needs { get; }

    /// <summary>It can begin with any weights (<see cref="SearchTask.Start"/>).</summary>
    bool TakesStart => false;

    /// <summary>What really runs under these settings, for tables and titles: no claim that the settings do not keep.</summary>
    string Title(SearchSettings settings);

    /// <summary>Fits stages to the task; called by the planner, before any query.</summary>
    /// <exception cref="BadInputException">The budget is too small, or the task is none for this search.</exception>
    SearchProgram Prepare(SearchTask task);
}

/// <summary>What a search reads beside the loss of a sample.</summary>
[Flags]
public enum SearchNeeds
{
    /// <summary>Nothing: whatever the run's objective observes will do.</summary>
    Objective = 0,

    /// <summary>The loss of every record by itself (<see cref="Optimization.TrialEvaluation.RecordLosses"/>).</summary>
    RecordLosses = 1,

    /// <summary>Each record's log-probability, better each token's
    /// (<see cref="Optimization.TrialEvaluation.TokenLogProbabilities"/>).</summary>
    LogProbabilities = 2,

    /// <summary>At least two objectives of the run file (<see cref="Optimization.TrialEvaluation.Losses"/>).</summary>
    SeveralObjectives = 4,
}

/// <summary>One search with every number decided: preset first, then what the file says.</summary>
public sealed record SearchSettings
{
    public required ISearch Search { get; init; }

    public required string Preset { get; init; }

    public required MergeSpace Space { get; init; }

    public required RunBudget Budget { get; init; }

    public required SettingValues Values { get; init; }

    /// <summary>The file changes something of the preset: space, a setting, or what a budget replaces.</summary>
    public required bool IsOverridden { get; init; }

    public string SpaceName => Space.ToString().ToLowerInvariant();

    public string Title => Search.Title(this);
}

/// <summary>What a search is to be fitted to.</summary>
public sealed record SearchTask
{
    public required SearchSettings Settings { get; init; }

    /// <summary>Ordinal order: the order of coordinates.</summary>
    public required IReadOnlyList<string> AdapterNames { get; init; }

    /// <summary>Groups of modules that may have weights of their own (<see cref="ProviderCapabilities.Layers"/>).</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The only keep fractions that can be realised (<see cref="ProviderCapabilities.KeepFractions"/>); null: all.</summary>
    public IReadOnlyList<double>? KeepFractions { get; init; }

    /// <summary>The pool holds whole models (<see cref="ProviderCapabilities.WholeModels"/>).</summary>
    public bool WholeModels { get; init; }

    /// <summary>Layers of each of them, through which paths can be run (<see cref="ProviderCapabilities.PathLayers"/>); null:
    /// none.</summary>
    public int? PathLayers { get; init; }

    /// <summary>What the first stage begins with, a share for every adapter; null: the search's own. Only where it
    /// <see cref="ISearch.TakesStart"/>.</summary>
    public WeightedRecipe? Start { get; init; }

    public required ValidationSplit Split { get; init; }

    /// <summary>Positions of the records whose answers by every adapter alone the stages have for nothing, because finding the best single
    /// adapter asked them; none where another search found it.</summary>
    public IReadOnlyList<int> AskedOfAll { get; init; } = [];

    /// <summary>
    /// What remains of the run's budget for the stages, in evaluations and queries; below 0 where finding the best single adapter costs
    /// more.
    /// Tokens and money have become queries of the mean record.
    /// </summary>
    public required RunBudget Budget { get; init; }

    /// <summary>At least one; by the first everything is decided.</summary>
    public required IReadOnlyList<IObjective> Objectives { get; init; }

    public IObjective Objective => Objectives[0];

    public required MergeMethods Methods { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>The run file, for errors.</summary>
    public required string File { get; init; }

    public int Records => Split.Search.Count + Split.HeldOut.Count;

    /// <summary>What bounds the queries; null: a budget of queries, or none.</summary>
    public QueryAllowance? Allowance { get; init; }

    public bool HasBudget => Budget.Evaluations is not null || Budget.Queries is not null;
}

/// <summary>A budget that is not counted in queries, seen as queries.</summary>
/// <param name="Key">Under <c>budget</c>, such as <c>tokens</c>.</param>
/// <param name="PerQuery">What a query takes of it.</param>
/// <param name="Before">What finding the best single adapter takes of it.</param>
public sealed record QueryAllowance(string Key, double PerQuery, double Before);

/// <summary>A fitted search.</summary>
/// <param name="Start">Where the first stage begins; measured, and part of the last decision.</param>
/// <param name="Evaluations">Candidates, checks and re-evaluations at most, when no budget is given; null when only the optimiser
/// stops.</param>
/// <param name="Queries">Records of those evaluations, cache hits not deducted.</param>
/// <param name="Notes">What was changed to fit the budget, one sentence each.</param>
public sealed record SearchProgram(
    MergeRecipe Start, IReadOnlyList<Stage> Stages, long? Evaluations, long? Queries, IReadOnlyList<string> Notes)
{
    /// <summary>The stages end by themselves within the budget: <see cref="Evaluations"/> and <see cref="Queries"/> hold with one, too;
    /// else a budget is used up.</summary>
    public bool HasFixedCost { get; init; }

    /// <summary>Where the first stage begins instead, made of the best single adapter's name; null: at <see cref="Start"/>, whatever that
    /// is.</summary>
    public Func<string, MergeRecipe>? StartAtSingle { get; init; }

    /// <summary>Where the first stage begins.</summary>
    /// <param name="single">The best single adapter.</param>
    public MergeRecipe StartGiven(string single) => StartAtSingle?.Invoke(single) ?? Start;

    /// <summary>Candidates are recipes of merge methods, which not every provider applies.</summary>
    public bool AppliesMethods { get; init; } = Start is MethodRecipe;
}
