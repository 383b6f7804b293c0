using System.Globalization;
using System.Text;
using Cuvee.Merging;
using Cuvee.Planning;

namespace Cuvee;

/// <summary>README.md of a merged adapter. Holds nothing that differs between two runs of the same plan.</summary>
internal static class ModelCard
{
    public static string Render(RunPlan plan, RunResult result)
    {
        var space = plan.Search.Space == MergeSpace.Factors ? "factors" : "delta";
        var card = new StringBuilder();
        card.Append(CultureInfo.InvariantCulture, $"""
            ---
            library_name: peft
            tags: [lora, merged]
            ---
            # A merge of {plan.AdapterNames.Count} LoRA adapters

            Made by Cuvee {RunIdentity.Version}: search `{plan.Title}`, preset `{plan.Search.Preset}`, seed {plan.Configuration.Seed}.
            The search saw log-probabilities only, of {plan.Validation.Count} validation records.

            | | |
            |---|---|
            | validation loss (nats per answer token) | {result.ValidationLoss:0.0000} |
            | the same, uniform average of the pool | {result.StartLoss:0.0000} |
            | queries | {result.Spending.Queries} |
            | evaluations | {result.Spending.Evaluations} |
            | tokens | {result.Spending.Tokens} |

            The validation loss is the lowest of a few re-evaluated points and therefore a little optimistic; measure the adapter on
            records of your own.

            ## Recipe

            Merge space `{space}`. The full numbers are in `recipe.json`.

            | adapter | weight | keep fraction |
            |---|---:|---:|

            """);
        var largestFirst = result.Recipe.Adapters.OrderByDescending(share => Math.Abs(share.Weight));
        foreach (var share in largestFirst.ThenBy(share => share.Name, StringComparer.Ordinal))
        {
            card.Append(CultureInfo.InvariantCulture, $"| {share.Name} | {share.Weight:0.000} | {share.KeepFraction:0.000} |\n");
        }

        card.Append("""

            ## Use

            An ordinary PEFT adapter for the pool's base model:

            ```python
            model = PeftModel.from_pretrained(base_model, "path/to/this/folder")
            ```

            `merge_manifest.json` holds the run file, seeds, input hashes and cost; `evaluations.jsonl` every candidate that was tried.

            """);
        return card.ToString();
    }
}
