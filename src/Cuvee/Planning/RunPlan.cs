using Cuvee.Configuration;
using Cuvee.LanguageModels;
using Cuvee.Searches;

namespace Cuvee.Planning;

/// <summary>A run that can start: inputs checked, every size decided, cost known.</summary>
public sealed record RunPlan
{
    public required RunConfiguration Configuration { get; init; }

    /// <summary>The main search of the file, or one of its comparison searches.</summary>
    public required SearchSettings Search { get; init; }

    public required string Out { get; init; }

    /// <summary>Ordinal order: the order of coordinates.</summary>
    public required IReadOnlyList<string> AdapterNames { get; init; }

    public required IReadOnlyList<PromptCompletion> Validation { get; init; }

    public IReadOnlyList<PromptCompletion>? Test { get; init; }

    public required ValidationSplit Split { get; init; }

    public required IReadOnlyList<Stage> Stages { get; init; }

    public required RunForecast Forecast { get; init; }

    /// <summary>What the planner changed or wants known, one sentence each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Search, space and any preset but the default, such as <c>evo-merging (factors, paper)</c>.</summary>
    public string Title =>
        $"{SearchSettingsReader.NameOf(Search.Kind)} ({Search.Space.ToString().ToLowerInvariant()}" +
        (Search.Preset == SearchPresets.Default ? ")" : $", {Search.Preset})");
}
