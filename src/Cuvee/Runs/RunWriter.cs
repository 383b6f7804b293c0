using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Planning;

namespace Cuvee.Runs;

/// <summary>
/// A finished run's documents: recipe.json, front.json where the search has a front, the model card and, last, merge_manifest.json: a run
/// is finished when its manifest is there. Each appears under its name only when whole. All but the manifest, which holds wall time, have
/// the same bytes for the same plan and answers.
/// </summary>
public static class RunWriter
{
    public const string RecipeFileName = "recipe.json";
    public const string FrontFileName = "front.json";
    public const string ModelCardFileName = "README.md";
    public const string ManifestFileName = "merge_manifest.json";

    internal static void Write(RunPlan plan, RunResult result)
    {
        RecipeJson.Write(Path.Combine(plan.Out, RecipeFileName), result.Recipe);
        if (result.Front.Count > 0) RunJson.Write(Path.Combine(plan.Out, FrontFileName), Front(plan, result));
        RunJson.WriteText(Path.Combine(plan.Out, ModelCardFileName), ModelCard.Render(plan, result));
        AtomicFile.SyncFolder(plan.Out);
    }

    /// <param name="comparison">What measuring the table cost; null where the run has none.</param>
    internal static void Finish(RunPlan plan, RunResult result, RunSpending? comparison)
    {
        var manifest = Manifest(plan, result);
        if (comparison is { } spent)
        {
            manifest["comparison"] =
                new JsonObject { ["queries"] = spent.Queries, ["tokens"] = spent.Tokens, ["queries_lost"] = spent.Lost };
            if (spent.Cost is { } cost) manifest["comparison"]!["cost"] = cost;
        }

        RunJson.Write(Path.Combine(plan.Out, ManifestFileName), manifest);
        AtomicFile.SyncFolder(plan.Out);
    }

    /// <summary>Before anything of a run changes: whoever looks at the folder meanwhile must not take it for finished.</summary>
    internal static void Reopen(string folder) => File.Delete(Path.Combine(folder, ManifestFileName));

    private static JsonObject Manifest(RunPlan plan, RunResult result)
    {
        var manifest = result.Identity.ToJson();
        manifest["title"] = plan.Title;
        manifest["model"] = plan.Configuration.Provider.Description;
        manifest["configuration_file"] = plan.Configuration.File;
        manifest["configuration"] = plan.Configuration.Text;
        manifest["adapters"] = new JsonArray([.. plan.AdapterNames.Select(name => (JsonNode)name)]);
        manifest["validation_records"] = plan.Validation.Count;
        manifest["held_out_records"] = new JsonArray([.. plan.Split.HeldOut.Select(index => (JsonNode)plan.Validation[index].Id)]);
        manifest["stages"] = new JsonArray([.. result.Stages.Select(stage => (JsonNode)new JsonObject
        {
            ["name"] = stage.Name,
            ["start"] = Value(stage.Start),
            ["winner"] = stage.Winner,
            ["objective"] = stage.Value.Objective,
            ["loss"] = stage.Value.Loss,
            ["penalty"] = stage.Value.Penalty,
            ["iterations"] = stage.Iterations,
            ["stop_reason"] = stage.StopReason,
        })]);
        manifest["start_loss"] = result.StartLoss;
        manifest["validation_loss"] = result.ValidationLoss;
        manifest["result"] = Verdict(result);
        manifest["output"] = result.Written is { } written
            ? JsonSerializer.SerializeToNode(written, RunJson.Options)
            : "recipe only: the provider gives no weights";
        manifest["evaluations"] = result.Spending.Evaluations;
        manifest["queries"] = result.Spending.Queries;
        manifest["tokens"] = result.Spending.Tokens;
        manifest["queries_lost"] = result.Spending.Lost + result.ControlSpending.Lost;
        manifest["control_queries"] = result.ControlSpending.Queries;
        manifest["control_tokens"] = result.ControlSpending.Tokens;
        if (result.Spending.Cost is { } cost)
        {
            manifest["price"] = JsonSerializer.SerializeToNode(plan.Configuration.Price, RunJson.Options);
            manifest["cost"] = cost;
            manifest["control_cost"] = result.ControlSpending.Cost;
        }

        manifest["warnings"] =
            JsonSerializer.SerializeToNode(result.Warnings.Select(warning => $"{warning.Stage}: {warning.Message}"), RunJson.Options);
        manifest["runtime"] = System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription;
        manifest["wall_time_seconds"] = Math.Round(result.WallTime.TotalSeconds, 3);
        return manifest;
    }

    private static JsonObject Front(RunPlan plan, RunResult result) => new()
    {
        ["validation_records"] = plan.Validation.Count,
        ["points"] = new JsonArray([.. result.Front.Select(point => (JsonNode)new JsonObject
        {
            ["losses"] = new JsonObject(plan.Configuration.Objectives.Zip(
                point.Losses, (objective, loss) => KeyValuePair.Create(objective.LossName, (JsonNode?)loss))),
            ["recipe"] = JsonNode.Parse(RecipeJson.Serialize(point.Recipe)),
        })]),
    };

    private static JsonObject Value(StageValue value) =>
        new() { ["objective"] = value.Objective, ["loss"] = value.Loss, ["penalty"] = value.Penalty };

    private static JsonObject Verdict(RunResult result)
    {
        var verdict = result.Verdict;
        var json = new JsonObject
        {
            ["winner"] = result.IsSingle ? "best-single" : "search",
            ["sentence"] = verdict.Sentence,
            ["search_loss"] = verdict.SearchLoss,
            ["best_single"] = Single(verdict.Single),
            ["difference"] = new JsonObject
            {
                ["value"] = verdict.Difference.Value,
                ["lower"] = verdict.Difference.Lower,
                ["upper"] = verdict.Difference.Upper,
            },
        };
        if (verdict.SingleByMetric is { } byMetric) json["best_single_by_metric"] = Single(byMetric);
        if (verdict.Metric is { } metric) json["validation_metric"] = JsonSerializer.SerializeToNode(metric, RunJson.Options);
        return json;
    }

    private static JsonObject Single(SingleAdapter single) =>
        new() { ["name"] = single.Name, ["loss"] = single.Loss, ["queries"] = single.Queries };
}
