using System.Globalization;
using System.Text;
using Cuvee.Formats;
using Cuvee.Lab.Reproduction;
using Cuvee.Metrics;

namespace Cuvee.Lab.Evolution;

/// <summary>evolutionary.md and its plot, from results alone. Same results, same bytes.</summary>
internal static class EvolutionPage
{
    /// <returns>The page's path.</returns>
    public static string Write(string folder, EvolutionResults results)
    {
        Directory.CreateDirectory(folder);
        void File(string suffix, string text) =>
            AtomicFile.WriteAllBytes(Path.Combine(folder, EvolutionExperiment.Name + suffix), Encoding.UTF8.GetBytes(text));
        File(".svg", Plot(results));
        File(".md", Render(results));
        return Path.Combine(folder, EvolutionExperiment.Name + ".md");
    }

    /// <summary>The paper's claims, one sentence each.</summary>
    public static string Verdict(EvolutionResults results) => string.Join(' ', results.Claims.Where(claim => claim.Source == "the paper")
        .Select(claim => $"{claim.Better} above {claim.Worse}: {claim.Verdict} ({PercentText.Of(claim.Difference)} points)."));

    public static string Render(EvolutionResults results)
    {
        var parents = results.References.Where(reference => reference.IsParent).Select(parent => parent.Name).ToList();
        var text = new StringBuilder("# Evolutionary merging of whole models\n\n");
        text.Append(
            "The headline of evolutionary model merging ([arXiv 2403.13187](https://arxiv.org/abs/2403.13187)) at our scale: parents " +
            $"({string.Join(", ", parents)}) that are fully fine-tuned from one base of 3.4 million weights, and a skill that none of " +
            $"them was trained on, `{results.Target}`. How the parents are made and what the skills are: " +
            "[parents.md](../parents.md). Every search sees " +
            $"{results.ValidationRecords} validation records of the target and the same budget of queries; what is measured are greedy " +
            $"answers to {TestRecords(results)}, equal to the expected ones or not.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Seeds {string.Join(", ", results.Seeds)} of the searches. Repeat: ");
        text.Append($"`cuvee reproduce evolutionary{(results.Quick ? " --quick" : "")}` (trains the parents first).\n\n");
        if (results.Quick) text.Append("**A quick run**: parents hardly trained, small budgets. It shows that all works, no more.\n\n");
        text.Append($"![Exact matches on the target]({EvolutionExperiment.Name}.svg)\n\n## Claims\n\n");
        text.Append("| better | than | who says so | difference on the target, points | verdict |\n|---|---|---|---:|---|\n");
        foreach (var claim in results.Claims)
        {
            text.Append($"| {claim.Better} | {claim.Worse} | {claim.Source} | {PercentText.Of(claim.Difference)} | {claim.Verdict} |\n");
        }

        text.Append("\n## The target\n\n| row | queries | exact, % | above the best parent, points | loss | seconds |\n");
        text.Append("|---|---:|---:|---:|---:|---:|\n");
        foreach (var reference in results.References)
        {
            var measured = reference.Skills.Single(skill => skill.Skill == results.Target);
            var share = Bootstrap.Interval(measured.Ratios, seed: 1);
            text.Append($"| {Describe(reference)} | | {PercentText.Of(share)} | | {Loss(measured.Loss)} | |\n");
        }

        foreach (var row in results.Rows)
        {
            var target = row.Skills.Single(skill => skill.Skill == results.Target);
            text.Append(
                $"| {row.Name} | {row.Queries.ToString("#,0", CultureInfo.InvariantCulture)} | {PercentText.Of(target.Exact)} | " +
                $"{PercentText.Of(target.AboveBestParent)} | {Loss(target.Loss)} | " +
                $"{row.Seconds.ToString("0", CultureInfo.InvariantCulture)} |\n");
        }

        text.Append("\n## Every skill, exact matches in percent\n\n");
        text.Append($"What no search saw is kept or lost: only `{results.Target}` was asked for.\n\n");
        text.Append($"| row | {string.Join(" | ", results.Skills)} |\n|---|{string.Concat(results.Skills.Select(_ => "---:|"))}\n");
        foreach (var reference in results.References)
        {
            text.Append($"| {Describe(reference)} |");
            foreach (var skill in reference.Skills) text.Append($" {PercentText.Of(skill.Share)} |");
            text.Append('\n');
        }

        foreach (var row in results.Rows)
        {
            text.Append($"| {row.Name} |");
            foreach (var skill in row.Skills) text.Append($" {PercentText.Of(skill.Exact.Value)} |");
            text.Append('\n');
        }

        text.Append(
            "\n95% bootstrap intervals over seeds and test records together, differences paired over both; a claim is confirmed where " +
            "its interval lies above 0 and reversed where it lies below. Plain merges have no seed.\n");
        return text.ToString();
    }

    private static string TestRecords(EvolutionResults results)
    {
        var fewer = results.References[0].Skills.Where(skill => skill.Exact.Length != results.TestRecords)
            .Select(skill => $"{skill.Exact.Length} of `{skill.Skill}`").ToList();
        return $"{results.TestRecords} test records of every skill{(fewer.Count == 0 ? "" : $" ({string.Join(", ", fewer)})")}";
    }

    private static string Describe(EvolutionReference reference) =>
        reference.IsParent ? $"parent `{reference.Name}`" : $"`{reference.Name}`";

    private static string Plot(EvolutionResults results)
    {
        const int labels = 360, top = 46, rowHeight = 22, width = 820;
        var rows = results.References.Select(reference =>
        {
            var measured = reference.Skills.Single(skill => skill.Skill == results.Target);
            return (Name: reference.Name, Value: Bootstrap.Interval(measured.Ratios, seed: 1),
                Colour: reference.IsParent ? "#d55e00" : "#7f7f7f");
        }).Concat(results.Rows.Select(row => (
            row.Name, Value: row.Skills.Single(skill => skill.Skill == results.Target).Exact, Colour: "#0072b2"))).ToList();
        var bottom = top + (rows.Count * rowHeight);
        var drawing = new SvgDrawing(width, bottom + 34);
        var axis = PlotAxis.Over([0, 100], labels, width - 30);
        drawing.Text(labels, 18, $"{results.Target}: exact matches, percent, with 95% intervals");
        foreach (var (pixel, label) in axis.Ticks)
        {
            drawing.Line(pixel, top, pixel, bottom, "#dddddd");
            drawing.Text(pixel, bottom + 18, label, "middle");
        }

        foreach (var (i, (name, value, colour)) in rows.Index())
        {
            var y = top + ((i + 0.5) * rowHeight);
            drawing.Text(labels - 10, y + 4, name, "end");
            drawing.Line(axis.At(100 * value.Lower), y, axis.At(100 * value.Upper), y, colour, 2);
            drawing.Line(axis.At(100 * value.Value), y - 6, axis.At(100 * value.Value), y + 6, colour, 3);
        }

        return drawing.ToString();
    }

    private static string Loss(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
