using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.LanguageModels.Chat;
using Cuvee.Planning;
using Cuvee.Providers;

namespace Cuvee.Runs;

/// <summary>
/// What decides a run's numbers: search settings, objective, seed, version and the hash of every input. Written to run.json before the
/// first query, so that a journal is never continued with other inputs.
/// </summary>
public sealed class RunIdentity
{
    public const string FileName = "run.json";
    internal const string ExtendedBudget = "extended_budget";

    private readonly JsonObject json;

    private RunIdentity(JsonObject json, RunBudget budget) => (this.json, Budget) = (json, budget);

    public static string Version { get; } =
        typeof(RunIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "unknown";

    /// <summary>The run file's, or the larger one that a resume gave.</summary>
    public RunBudget Budget { get; private set; }

    /// <summary>What a resume raised the budget to; null where none did.</summary>
    public BudgetExtension? Extension { get; private set; }

    public static RunIdentity Of(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var configuration = plan.Configuration;
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (role, hash) in configuration.Provider.Identity()) inputs.Add(role, hash);
        inputs.Add("validation", FileHash.Sha256(configuration.Validation));
        if (configuration.Start is { } start && ReferenceEquals(plan.Search, configuration.Search))
            inputs.Add("start", FileHash.Sha256(StartRecipe.FileOf(start)));
        if (configuration is { Compare: not null, Test: { } test }) inputs.Add("test", FileHash.Sha256(test));
        var identity = new JsonObject
        {
            ["cuvee"] = Version,
            ["seed"] = configuration.Seed,
            ["objective"] = string.Join(", ", configuration.Objectives.Select(objective => objective.Name)),
            ["metric"] = configuration.Metric?.Name,
            ["max_tokens"] = configuration.MaxTokens,
            ["fallback"] = configuration.Fallback == Fallback.None ? "none" : "best-single",
            ["search"] = SearchJson(plan.Search),
            ["inputs"] = JsonSerializer.SerializeToNode(inputs, RunJson.Options),
        };
        if (plan.Search.Budget.Cost is not null)
            identity["price"] = JsonSerializer.SerializeToNode(configuration.Price, RunJson.Options);
        if (plan.Text.Template.Name != ChatTemplates.None.Name) identity["template"] = plan.Text.Template.Name;
        if (plan.Text.CompletionEnd != TextRules.Auto) identity["completion_end"] = plan.Text.CompletionEnd;
        if (configuration.Compare is { } compare && ReferenceEquals(plan.Search, configuration.Search))
        {
            var table = new JsonObject
            {
                ["metric"] = compare.Metric.Name,
                ["random_draws"] = compare.RandomDraws,
                ["searches"] = new JsonArray([.. compare.Searches.Select(search => (JsonNode)SearchJson(search))]),
            };
            if (compare.RandomAdapters is { } adapters) table["random_adapters"] = adapters;
            if (compare.FewShot is { } examples) table["few_shot"] = examples;
            identity["compare"] = table;
        }

        return new RunIdentity(identity, plan.Search.Budget);
    }

    public JsonObject ToJson() => (JsonObject)json.DeepClone();

    /// <summary>Compares with the run.json that is there, and takes its larger budget over; writes nothing.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="BadInputException">The folder's run had other settings or inputs; the first difference is named.</exception>
    public bool Continues(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return false;
        var earlier = Read(path, "choose a new 'out'");
        var extended = earlier[ExtendedBudget]?.DeepClone();
        earlier.Remove(ExtendedBudget);
        json.Remove(ExtendedBudget);
        if (FirstDifference("", earlier, json) is { } difference)
            throw new BadInputException($"{path}: the run here differs in '{difference}'; restore it to resume, or choose a new 'out'.");
        if (extended is not null) Extend(path, extended.Deserialize<BudgetExtension>(RunJson.Options)!);
        return true;
    }

    /// <summary>The larger budget that a resume gave the run in a folder.</summary>
    /// <exception cref="BadInputException">run.json is damaged.</exception>
    public static RunBudget RaisedBudget(string folder) =>
        Path.Combine(folder, FileName) is var path && File.Exists(path)
            && Read(path, "choose a new 'out'")[ExtendedBudget] is { } extended
            ? extended.Deserialize<BudgetExtension>(RunJson.Options)!.Budget
            : RunBudget.None;

    /// <summary>Writes run.json where there is none, or where the budget grows.</summary>
    /// <param name="larger">A larger budget than the run began with; null keeps the last one.</param>
    /// <exception cref="BadInputException">As <see cref="Continues"/>, or the budget is no larger one.</exception>
    public void Claim(string folder, BudgetExtension? larger = null)
    {
        var path = Path.Combine(folder, FileName);
        var isContinued = Continues(folder);
        if (larger is not null) Extend(path, larger);
        if (!isContinued || larger is not null) RunJson.Write(path, json);
    }

    private void Extend(string path, BudgetExtension larger)
    {
        var budget = larger.Budget;
        if (budget.ByKey.Zip(Budget.ByKey).Any(pair => pair.First.Limit is { } more && !(more >= pair.Second.Limit)))
        {
            var limits = Budget.ByKey.Where(limit => limit.Limit is not null)
                .Select(limit => string.Create(CultureInfo.InvariantCulture, $"{limit.Limit} {limit.Key}")).DefaultIfEmpty("no limit");
            throw new BadInputException(
                $"{path}: the run has a budget of {string.Join(" and ", limits)}; only a larger one of the same kind can be given.");
        }

        Budget = Budget.With(budget);
        Extension = larger with { Budget = Budget };
        json[ExtendedBudget] = JsonSerializer.SerializeToNode(Extension, RunJson.Options);
    }

    /// <summary>A search with every number decided, as in run.json.</summary>
    public static JsonObject SearchJson(Searches.SearchSettings search)
    {
        ArgumentNullException.ThrowIfNull(search);
        return new JsonObject
        {
            ["name"] = search.Search.Name,
            ["preset"] = search.Preset,
            ["space"] = search.SpaceName,
            ["budget"] = JsonSerializer.SerializeToNode(search.Budget, RunJson.Options),
            ["settings"] = search.Values.ToJson(),
        };
    }

    /// <param name="mend">Of a damaged file.</param>
    /// <exception cref="BadInputException">It is damaged.</exception>
    internal static JsonObject Read(string path, string mend)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path), documentOptions: new JsonDocumentOptions { MaxDepth = 32 }) as JsonObject
                ?? throw new JsonException("no object");
        }
        catch (JsonException exception)
        {
            throw new BadInputException($"{path}: damaged; {mend}.", exception);
        }
    }

    /// <returns>The path of the first value that only one of them has or that differs; null where there is none.</returns>
    internal static string? FirstDifference(string path, JsonNode? earlier, JsonNode? now)
    {
        if (earlier is not JsonObject before || now is not JsonObject after) return JsonNode.DeepEquals(earlier, now) ? null : path;
        return before.Select(pair => pair.Key).Union(after.Select(pair => pair.Key))
            .Select(key => FirstDifference(path.Length == 0 ? key : $"{path}.{key}", before[key], after[key]))
            .FirstOrDefault(difference => difference is not null);
    }
}

/// <summary>A larger budget for a run that had ended.</summary>
/// <param name="Ends">Where it had ended before.</param>
public sealed record BudgetExtension(RunBudget Budget, IReadOnlyList<EarlierEnd> Ends);

/// <summary>What was asked because the last stage ended: a run that goes on does not ask it, and has paid for it all the same.</summary>
/// <param name="Iterations">Of the last stage when it ended.</param>
/// <param name="Search">What the search asked.</param>
/// <param name="Controls">What was asked beside it.</param>
public sealed record EarlierEnd(int Iterations, Expense Search, Expense Controls);
