using Cuvee.Configuration;
using Cuvee.Objectives;
using Cuvee.Searches;

namespace Cuvee.Planning;

/// <summary>A run that can start: inputs checked, every size decided, cost known.</summary>
public sealed record RunPlan
{
    public required RunConfiguration Configuration { get; init; }

    /// <summary>The main search of the file, or one of its comparison searches.</summary>
    public required SearchSettings Search { get; init; }

    public required SearchProgram Program { get; init; }

    public required string Out { get; init; }

    /// <summary>Ordinal order: the order of coordinates.</summary>
    public required IReadOnlyList<string> AdapterNames { get; init; }

    /// <summary>Decided by the validation records and the model; prompts are rendered by it already.</summary>
    public required TextRules Text { get; init; }

    public required IReadOnlyList<PromptCompletion> Validation { get; init; }

    public IReadOnlyList<PromptCompletion>? Test { get; init; }

    /// <summary>Of the main search's table; null where it was not asked for, or where not one example fits.</summary>
    public FewShotPrompts? FewShot { get; init; }

    public required ValidationSplit Split { get; init; }

    /// <summary>Tokens of the validation records; shared by the plans of a run file.</summary>
    public required RecordExpenses Expenses { get; init; }

    public required RunForecast Forecast { get; init; }

    /// <summary>What the planner changed or wants known, one sentence each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>What really runs; names the objective where it is not the usual one, so that no table pools the two.</summary>
    public string Title => Configuration.Objectives is [CrossEntropyObjective]
        ? Search.Title
        : $"{Search.Title} by {string.Join(" and ", Configuration.Objectives.Select(objective => objective.Name))}";
}

/// <summary>What a run will cost at most, known before the first query.</summary>
/// <param name="Evaluations">Candidates, checks and re-evaluations; null when only the optimiser's own stop bounds them.</param>
/// <param name="Queries">Records asked for the search, cache hits not deducted; null likewise.</param>
/// <param name="ControlQueries">Records asked beside the search, for its evidence: losses and metric of the controls, metric of the
/// result, loss of what is written.</param>
/// <param name="Tokens">Queries times the mean record; null where queries are. Estimated where the provider does not count
/// tokens.</param>
/// <param name="MemoryBytes">On this machine.</param>
/// <param name="Cost">Of those tokens; null where the run file names no price.</param>
public sealed record RunForecast(
    long? Evaluations, long? Queries, long ControlQueries, long? Tokens, long MemoryBytes, double? Cost = null);
