using System.Text;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;

namespace Cuvee.Cli;

/// <summary>What <c>cuvee apply</c> wrote and what a bounded rank cost.</summary>
/// <param name="Merged">Null for a folded checkpoint.</param>
internal sealed record ApplySummary(string Out, string Format, string Dtype, MergeSpace Space, MergedAdapter? Merged)
{
    private string SpaceName => Space.ToString().ToLowerInvariant();

    public string ToJson() => Merged is null
        ? JsonOutput.Line(new { Out, Format, Dtype, Space = SpaceName })
        : JsonOutput.Line(new
        {
            Out,
            Format,
            Dtype,
            Space = SpaceName,
            Merged.Adapter.Config.Rank,
            Modules = Merged.Adapter.Modules.Count,
            Merged.DroppedShare,
            Reductions = Merged.Reductions.Select(
                module => new { Module = module.ModuleName, module.ExactRank, module.Rank, module.DroppedShare }),
        });

    public string ToText()
    {
        if (Merged is null) return $"{Out}: checkpoint with the recipe folded in ({SpaceName}, {Dtype})";
        var text = new StringBuilder();
        if (Merged.Reductions.Count > 0) text.Append("dropped energy (squared Frobenius norm of the update)\n");
        foreach (var module in Merged.Reductions)
            text.Append($"  {module.ModuleName}: rank {module.ExactRank} -> {module.Rank}, {100 * module.DroppedShare:0.###}%\n");
        if (Merged.Reductions.Count > 0) text.Append($"  all modules: {100 * Merged.DroppedShare:0.###}%\n");
        var adapter = Merged.Adapter;
        text.Append($"{Out}: adapter of rank {adapter.Config.Rank} on {adapter.Modules.Count} modules ({SpaceName}, {Dtype})");
        return text.ToString();
    }
}
