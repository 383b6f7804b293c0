using System.Globalization;
using System.Text;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>README.md of a merged adapter. Holds nothing that differs between two runs of the same plan.</summary>
internal static class ModelCard
{
    public static string Render(RunPlan plan, RunResult result)
    {
        var card = new StringBuilder();
        card.Append(CultureInfo.InvariantCulture, $"""
            ---
            {(WholeModels(plan) ? "tags: [merge]" : "library_name: peft\ntags: [lora, merged]")}
            ---
            # {Heading(plan, result)}

            Made by Cuvee {RunIdentity.Version}: {plan.Title}, preset `{plan.Search.Preset}`, seed {plan.Configuration.Seed}.
            The search asked {plan.Configuration.Provider.Description} about {plan.Validation.Count} validation records.

            {result.Verdict.Sentence}

            | | |
            |---|---|
            | validation loss ({plan.Configuration.Objective.LossName}) | {result.ValidationLoss:0.0000} |
            | the same, where the search began | {result.StartLoss:0.0000} |
            | the same, best single adapter ({result.Verdict.Single.Name}) | {result.Verdict.Single.Loss:0.0000} |

            """);
        if (result.Verdict.Metric is { } metric)
        {
            card.Append(CultureInfo.InvariantCulture, $"""
                | validation {metric.Name}: the search's best, where it began, best single adapter | {metric.Search:0.000}, {metric.Start:0.000}, {metric.Single:0.000} |

                """);
        }

        if (result.Written is { Rank: { } rank } written)
        {
            card.Append(CultureInfo.InvariantCulture, $"""
                | written: rank, type, energy dropped, loss of the files | {rank}, {written.Type}, {100 * written.DroppedShare:0.##}%, {(written.ValidationLoss is { } loss ? $"{loss:0.0000}" : "not measured")} |

                """);
        }

        if (result.Written is { Rank: null, ValidationLoss: { } ofFiles } checkpoint)
            card.Append(CultureInfo.InvariantCulture, $"| written: type, loss of the files | {checkpoint.Type}, {ofFiles:0.0000} |\n");

        var cost = result.Spending.Cost is { } spent ? string.Create(CultureInfo.InvariantCulture, $"| cost | {spent:0.####} |\n") : "";
        card.Append(CultureInfo.InvariantCulture, $"""
            | queries, beside them for the evidence | {result.Spending.Queries}, {result.ControlSpending.Queries} |
            | evaluations | {result.Spending.Evaluations} |
            | tokens | {result.Spending.Tokens} |
            {cost}
            The validation loss is the lowest of a few re-evaluated points and therefore a little optimistic; measure the result on
            records of your own.


            """);
        foreach (var warning in result.Warnings) card.Append($"> Warning, {warning.Stage}: {warning.Message}\n\n");
        AppendRecipe(card, result.Recipe);
        AppendFront(card, plan, result);
        card.Append("""

            ## Use


            """);
        card.Append(result.Written switch
        {
            null => "The provider gave no weights: `recipe.json` is the result; give it to the provider.\n",
            { Format: "folded" } => $"`{ResultOutput.CheckpointFolder}/` is an ordinary checkpoint that needs no adapter.\n",
            _ => """
                An ordinary PEFT adapter for the pool's base model:

                ```python
                model = PeftModel.from_pretrained(base_model, "path/to/this/folder")
                ```

                """,
        });
        card.Append("""

            `merge_manifest.json` holds the run file, seeds, input hashes and cost; `evaluations.jsonl` every candidate that was tried.

            """);
        return card.ToString();
    }

    private static string Heading(RunPlan plan, RunResult result)
    {
        var pool = $"{plan.AdapterNames.Count} {(WholeModels(plan) ? "models" : "LoRA adapters")}";
        return result.IsSingle ? $"{result.Verdict.Single.Name}: no merge of {pool} was better" : $"A merge of {pool}";
    }

    private static bool WholeModels(RunPlan plan) => plan.Configuration.Provider.Capabilities.WholeModels;

    private static void AppendFront(StringBuilder card, RunPlan plan, RunResult result)
    {
        if (result.Front.Count == 0) return;
        var names = plan.Configuration.Objectives.Select(objective => objective.LossName).ToList();
        card.Append(CultureInfo.InvariantCulture, $"""

            ## Front

            Recipes of which none is better by every objective, on all {plan.Validation.Count} validation records; in `{RunWriter.FrontFileName}`, in this order.

            | {string.Join(" | ", names)} |
            |{string.Concat(names.Select(_ => "---:|"))}

            """);
        foreach (var point in result.Front)
            card.Append($"| {string.Join(" | ", point.Losses.Select(loss => loss.ToString("0.0000", CultureInfo.InvariantCulture)))} |\n");
    }

    private static void AppendRecipe(StringBuilder card, MergeRecipe recipe)
    {
        if (recipe is PathRecipe path)
        {
            card.Append(CultureInfo.InvariantCulture, $"""
                ## Recipe

                A path through {path.Steps.Count} layers of {string.Join(", ", path.Steps.Select(step => step.Model ?? "their merge").Distinct())}, with embeddings and head of {path.First ?? "the merge"}. The full numbers are in `recipe.json`.

                """);
            return;
        }

        if (recipe is MethodRecipe method)
        {
            card.Append("## Recipe\n\n").Append(
                CultureInfo.InvariantCulture, $"Merge method `{method.Method}` over {method.Adapters.Count} adapters");
            foreach (var (name, value) in method.Parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                card.Append(CultureInfo.InvariantCulture, $", {name} {value:0.000}");
            card.Append(". The full numbers are in `recipe.json`.\n");
            return;
        }

        var weighted = (WeightedRecipe)recipe;
        var layers = weighted.Adapters.Any(share => share.GroupWeights.Count > 0)
            ? "; where layers have weights of their own, their mean and range are shown"
            : "";
        card.Append(CultureInfo.InvariantCulture, $"""
            ## Recipe

            Merge space `{(weighted.Space == MergeSpace.Factors ? "factors" : "delta")}`. The full numbers are in `recipe.json`{layers}.

            | adapter | weight | keep fraction |
            |---|---:|---:|

            """);
        foreach (var share in weighted.Adapters
            .OrderByDescending(MergeRecipes.Strength).ThenBy(share => share.Name, StringComparer.Ordinal))
            card.Append(CultureInfo.InvariantCulture, $"| {share.Name} | {WeightOf(share)} | {share.KeepFraction:0.000} |\n");
    }

    private static string WeightOf(AdapterShare share)
    {
        if (share.GroupWeights.Count == 0) return share.Weight.ToString("0.000", CultureInfo.InvariantCulture);
        var weights = share.GroupWeights.Select(group => group.Value).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{weights.Average():0.000} ({weights.Min():0.000} to {weights.Max():0.000})");
    }
}
