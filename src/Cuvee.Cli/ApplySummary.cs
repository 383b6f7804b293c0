using System.Text;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;

namespace Cuvee.Cli;

/// <summary>What <c>cuvee apply</c> wrote and what a bounded rank cost.</summary>
/// <param name="Merged">Null for a folded checkpoint.</param>
/// <param name="Elapsed">Merging, decomposing and writing.</param>
internal sealed record ApplySummary(string Out, string Format, string Dtype, MergeRecipe Recipe, MergedAdapter? Merged, TimeSpan Elapsed)
{
    private (string Key, string Value) Way => Recipe switch
    {
        WeightedRecipe weighted => ("space", weighted.Space.ToString().ToLowerInvariant()),
        MethodRecipe method => ("method", method.Method),
        _ => throw new InvalidOperationException($"A recipe of kind {Recipe.GetType().Name} is not applied."),
    };

    public string ToJson()
    {
        var line = new Dictionary<string, object>
        {
            ["out"] = Out,
            ["format"] = Format,
            ["dtype"] = Dtype,
            [Way.Key] = Way.Value,
            ["seconds"] = Elapsed.TotalSeconds
        };
        if (Merged is not null)
        {
            line["rank"] = Merged.Adapter.Config.Rank;
            line["modules"] = Merged.Adapter.Modules.Count;
            line["dropped_share"] = Merged.DroppedShare;
            line["reductions"] = Merged.Reductions.Select(
                module => new { Module = module.ModuleName, module.ExactRank, module.Rank, module.DroppedShare });
        }

        return JsonOutput.Line(line);
    }

    public string ToText()
    {
        if (Merged is null) return $"{Out}: checkpoint with the recipe folded in ({Way.Value}, {Dtype}), {Elapsed.TotalSeconds:0.0} s";
        var text = new StringBuilder();
        if (Merged.Reductions.Count > 0) text.Append("dropped energy (squared Frobenius norm of the update)\n");
        foreach (var module in Merged.Reductions)
            text.Append($"  {module.ModuleName}: rank {module.ExactRank} -> {module.Rank}, {100 * module.DroppedShare:0.###}%\n");
        if (Merged.Reductions.Count > 0) text.Append($"  all modules: {100 * Merged.DroppedShare:0.###}%\n");
        var adapter = Merged.Adapter;
        text.Append($"{Out}: adapter of rank {adapter.Config.Rank} on {adapter.Modules.Count} modules ({Way.Value}, {Dtype}), " +
            $"{Elapsed.TotalSeconds:0.0} s");
        return text.ToString();
    }
}
