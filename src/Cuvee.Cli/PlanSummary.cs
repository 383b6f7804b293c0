using System.Text.Json.Nodes;
using Cuvee.Cli.Progress;
using Cuvee.Planning;
using Cuvee.Providers;

namespace Cuvee.Cli;

/// <summary>What <c>cuvee merge --dry-run</c> says: every search of the file, its size and its cost at most.</summary>
internal sealed record PlanSummary(IReadOnlyList<RunPlan> Plans)
{
    public async Task WriteAsync(TextWriter output, bool asJson)
    {
        if (asJson)
        {
            await output.WriteLineAsync(new JsonArray([.. Plans.Select(plan => (JsonNode)Json(plan))]).ToJsonString());
            return;
        }

        var configuration = Plans[0].Configuration;
        await output.WriteLineAsync($"{configuration.Provider.Description}: {Plans[0].AdapterNames.Count} adapters, " +
            $"{Plans[0].Validation.Count} validation records{(Plans[0].Test is { } test ? $", {test.Count} test records" : "")}");
        await output.WriteLineAsync(Abilities(configuration.Provider.Capabilities));
        foreach (var plan in Plans)
        {
            await output.WriteLineAsync($"{plan.Title}, preset {plan.Search.Preset}: {MergeText.Forecast(plan.Forecast)}");
            foreach (var stage in plan.Program.Stages) await output.WriteLineAsync($"  stage {stage.Name}");
            foreach (var note in plan.Notes) await output.WriteLineAsync($"  note: {note}");
            await output.WriteLineAsync($"  results in {plan.Out}");
        }
    }

    private static string Abilities(ProviderCapabilities capabilities) => "it gives " + string.Join(", ", (string[])
    [
        capabilities.LogProbabilities switch
        {
            LogProbabilityDetail.None => "no log-probabilities",
            LogProbabilityDetail.PerRecord => "a log-probability per record",
            _ => "log-probabilities per token",
        },
        capabilities.Answers ? "answers" : "no answers",
        capabilities.Weights ? "weights to write" : "no weights to write",
        capabilities.ContextLength is { } context ? $"{context} tokens of context" : "a context of unknown length",
        $"{capabilities.MaxConcurrentLeases} candidate{(capabilities.MaxConcurrentLeases == 1 ? "" : "s")} at a time",
    ]);

    private static JsonObject Json(RunPlan plan) => new()
    {
        ["search"] = plan.Title,
        ["preset"] = plan.Search.Preset,
        ["adapters"] = plan.AdapterNames.Count,
        ["validation_records"] = plan.Validation.Count,
        ["template"] = plan.Text.Template.Name,
        ["completion_end"] = plan.Text.CompletionEnd,
        ["stages"] = new JsonArray([.. plan.Program.Stages.Select(stage => (JsonNode)stage.Name)]),
        ["evaluations"] = plan.Forecast.Evaluations,
        ["queries"] = plan.Forecast.Queries,
        ["control_queries"] = plan.Forecast.ControlQueries,
        ["tokens"] = plan.Forecast.Tokens,
        ["cost"] = plan.Forecast.Cost,
        ["memory_bytes"] = plan.Forecast.MemoryBytes,
        ["notes"] = new JsonArray([.. plan.Notes.Select(note => (JsonNode)note)]),
        ["out"] = plan.Out,
    };
}
