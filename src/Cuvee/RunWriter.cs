using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Planning;

namespace Cuvee;

/// <summary>
/// A finished run's files: the merged adapter (F32, exact rank), recipe.json, merge_manifest.json and the model card. Each appears
/// under its name only when whole.
/// All but the manifest, which holds wall time, have the same bytes for the same plan and answers.
/// </summary>
internal static class RunWriter
{
    public const string RecipeFileName = "recipe.json";
    public const string ManifestFileName = "merge_manifest.json";
    private const string AdapterName = "merged";

    public static void Write(RunPlan plan, RunIdentity identity, RunResult result, RecipeMerger merger)
    {
        PeftWriter.Write(plan.Out, new MergedAdapterBuilder(merger).Build(result.Recipe, AdapterName).Adapter, TensorType.F32);
        RecipeJson.Write(Path.Combine(plan.Out, RecipeFileName), result.Recipe);
        RunJson.WriteText(Path.Combine(plan.Out, "README.md"), ModelCard.Render(plan, result));
        RunJson.Write(Path.Combine(plan.Out, ManifestFileName), Manifest(plan, identity, result));
    }

    private static JsonObject Manifest(RunPlan plan, RunIdentity identity, RunResult result)
    {
        var manifest = identity.ToJson();
        manifest["configuration_file"] = plan.Configuration.File;
        manifest["configuration"] = plan.Configuration.Text;
        manifest["adapters"] = new JsonArray([.. plan.AdapterNames.Select(name => (JsonNode)name)]);
        manifest["validation_records"] = plan.Validation.Count;
        manifest["held_out_records"] = new JsonArray([.. plan.Split.HeldOut.Select(index => (JsonNode)plan.Validation[index].Id)]);
        manifest["stages"] = new JsonArray([.. result.Stages.Select(stage => (JsonNode)new JsonObject
        {
            ["name"] = stage.Name,
            ["iterations"] = stage.Iterations,
            ["stop_reason"] = stage.StopReason,
            ["winner"] = stage.Winner,
            ["start_loss"] = stage.StartLoss,
            ["loss"] = stage.Loss,
        })]);
        manifest["start_loss"] = result.StartLoss;
        manifest["validation_loss"] = result.ValidationLoss;
        manifest["evaluations"] = result.Spending.Evaluations;
        manifest["queries"] = result.Spending.Queries;
        manifest["tokens"] = result.Spending.Tokens;
        manifest["warnings"] =
            JsonSerializer.SerializeToNode(result.Warnings.Select(warning => $"{warning.Stage}: {warning.Message}"), RunJson.Options);
        manifest["runtime"] = System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription;
        manifest["wall_time_seconds"] = Math.Round(result.WallTime.TotalSeconds, 1);
        return manifest;
    }
}
