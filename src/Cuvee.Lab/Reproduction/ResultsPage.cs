using System.Globalization;
using System.Text;
using Cuvee.Formats;
using Cuvee.Metrics;

namespace Cuvee.Lab.Reproduction;

/// <summary>EXPERIMENT.md and its plots, from results alone. Same results, same bytes.</summary>
internal static class ResultsPage
{
    /// <summary>Writes page and plots beside the results, each file whole or not at all.</summary>
    /// <returns>The page's path.</returns>
    public static string Write(string folder, ExperimentResults results)
    {
        Directory.CreateDirectory(folder);
        void File(string suffix, string text) =>
            AtomicFile.WriteAllBytes(Path.Combine(folder, results.Experiment + suffix), Encoding.UTF8.GetBytes(text));
        File("-score.svg", ResultPlots.Score(results));
        File("-loss.svg", ResultPlots.Loss(results));
        File(".md", Render(results));
        return Path.Combine(folder, results.Experiment + ".md");
    }

    public static string Render(ExperimentResults results)
    {
        var text = new StringBuilder($"# {results.Title}\n\n{results.Protocol.Trim()}\n\n");
        text.Append(
            $"Seeds {string.Join(", ", results.Seeds)}; {results.ValidationRecords} validation records a target unless said otherwise; " +
            $"zoo of {results.ZooAdapters} specialists. Repeat: `cuvee reproduce {results.Experiment} --data DATA" +
            $"{(results.Quick ? " --quick" : $" --seeds {results.Seeds.Count}")}`.\n\n");
        if (results.Quick)
        {
            text.Append(
                "**A quick run**: fewer targets, seeds and records; rows called shortened have smaller budgets than their name means. It " +
                "shows that all works, not who wins.\n\n");
        }

        if (results.Missing.Count > 0) text.Append($"**Not measured as a whole, and left out:** {string.Join("; ", results.Missing)}.\n\n");
        text.Append($"**Verdict.** {Verdict(results)}\n\n");
        foreach (var claim in results.Claims) text.Append(ClaimLine(results, claim));
        if (results.Claims.Count > 0) text.Append('\n');
        text.Append($"![{results.Metric} with 95% intervals]({results.Experiment}-score.svg)\n\n");
        text.Append($"![Test loss with 95% intervals]({results.Experiment}-loss.svg)\n\n");

        var paper = PaperFigures.Of(results.Experiment);
        text.Append(
            $"Queries and tokens are what finding a row cost, on average. Losses in nats per answer token, {results.Metric} in percent, " +
            "with 95% bootstrap intervals over seeds and test records together; differences are paired over both. Each target counts the " +
            "same, and an average speaks of these targets. Of two or three seeds a single target's interval sees less than their whole " +
            "spread ([how much](../run-yaml.md#compare)). Answers are cut " +
            $"at {RowMeasurer.MaxTokens} tokens. ");
        text.Append(paper.IsEmpty
            ? $"The paper ({PaperFigures.Source}) has no such table.\n"
            : $"Beside them the paper's figures ({PaperFigures.Source}; {PaperFigures.Measure}): " +
                $"{string.Join(" / ", PaperFigures.Models)}, on other data and models two thousand times as large.\n");
        if (results.Axis is not null) Curve(text, results);
        foreach (var point in results.Points)
        {
            text.Append($"\n## {Heading(results, point, $"Average over {Count(point.Targets.Count, "target")}")}\n\n");
            Table(text, results, point.Average, paper);
        }

        foreach (var point in results.Points)
        {
            foreach (var target in point.Targets)
            {
                text.Append(
                    $"\n### {Heading(results, point, target.Target)}\n\n{Count(target.PoolSize, "adapter")} in the pool, " +
                    $"{target.ValidationRecords} validation and {target.TestRecords} test records" +
                    $"{(target.CutRecords > 0 ? $", of which {target.CutRecords} have longer answers than are generated" : "")}.\n\n");
                Table(text, results, target.Rows, PaperFigures.Of(""));
                Choices(text, results, target);
            }
        }

        IReadOnlyList<string> notes = [.. results.Notes, .. WithoutCounterpart(results, paper)];
        if (notes.Count > 0) text.Append("\n## Notes\n\n");
        foreach (var note in notes) text.Append($"- {note}\n");
        text.Append("\n## Settings\n\nThe keys of each row's run file, where it is one.\n\n| row | settings |\n|---|---|\n");
        foreach (var row in results.Rows) text.Append($"| {row.Name} | {(row.Settings.Length > 0 ? $"`{row.Settings}`" : "")} |\n");
        return text.ToString();
    }

    /// <summary>Computed from the intervals of the claims.</summary>
    internal static string Verdict(ExperimentResults results)
    {
        var parts = results.Claims.GroupBy(claim => claim.Source).Select(source =>
        {
            int Of(string verdict) => source.Count(claim => claim.Verdict == verdict);
            return $"{Count(source.Count(), "claim")} of {(source.Key == "paper" ? "the paper" : source.Key)}: " +
                $"{Of(ClaimResult.Holds)} confirmed, {Of(ClaimResult.Reversed)} reversed, {Of(ClaimResult.Undecided)} undecided";
        }).ToList();
        if (results.Claims.Count == 0) return results.ClaimsLeftOut == 0 ? "This table makes no claim." : "No claim could be decided.";
        var scope = results.Quick ? "On this quick run alone: " : "";
        var waiting = results.ClaimsLeftOut == 0
            ? ""
            : $" {Count(results.ClaimsLeftOut, "more claim")}: of rows that are not measured yet.";
        return $"{scope}{string.Join("; ", parts)}, by the 95% intervals of the paired differences in {results.Metric}.{waiting}";
    }

    private static IEnumerable<string> WithoutCounterpart(ExperimentResults results, PaperFigures paper)
    {
        var missing = paper.Rows.Where(key => results.Rows.All(row => row.Key != key)).Select(key => (key, paper.Row(key)))
            .Concat(paper.NotRebuilt.Select(row => (row.Key, (IReadOnlyList<double?>?)row.Value)))
            .Select(row => $"{row.Item1} {Figures(row.Item2)}").ToList();
        if (missing.Count > 0) yield return $"Rows of the paper's table that stand in none of ours: {string.Join("; ", missing)}.";
    }

    private static string ClaimLine(ExperimentResults results, ClaimResult claim)
    {
        var at = claim.SecondPoint is { } second ? $", {results.Axis}: {claim.Point} against {second}"
            : claim.Point.Length > 0 ? $", {results.Axis}: {claim.Point}" : "";
        return $"- {NameOf(results, claim.First)} better than {NameOf(results, claim.Second)}{at} ({claim.Source}): **{claim.Verdict}**, " +
            $"{Signed(claim.Score, 100, "0.0")} points of {results.Metric}, test loss {Signed(claim.TestLoss, 1, "0.000")}.\n";
    }

    /// <summary>The metric at every point, averaged over targets.</summary>
    private static void Curve(StringBuilder text, ExperimentResults results)
    {
        var labels = string.Join(" | ", results.Points.Select(point => point.Label));
        text.Append($"\n## {results.Metric} by {results.Axis}\n\n| model | {labels} |\n|---|");
        text.Insert(text.Length, "---|", results.Points.Count).Append('\n');
        foreach (var row in results.Rows)
        {
            var cells = results.Points.Select(point =>
                point.Average.FirstOrDefault(each => each.Row == row.Key) is { } summary ? Plain(summary.Score, 100, "0.0") : "");
            text.Append($"| {row.Name} | {string.Join(" | ", cells)} |\n");
        }
    }

    private static void Table(StringBuilder text, ExperimentResults results, IReadOnlyList<RowSummary> rows, PaperFigures paper)
    {
        var main = NameOf(results, results.MainRow);
        text.Append($"| model | queries | tokens | val. loss | test loss | {results.Metric} | minus {main} | test loss minus it |");
        text.Append(paper.IsEmpty ? "\n" : " the paper's |\n").Append("|---|---:|---:|---:|---|---|---|---|");
        text.Append(paper.IsEmpty ? "\n" : "---:|\n");
        foreach (var row in rows)
        {
            text.Append(
                $"| {NameOf(results, row.Row)} | {Whole(row.Queries)} | {Whole(row.Tokens)} | {Fixed(row.ValidationLoss, "0.000")} | " +
                $"{Plain(row.TestLoss, 1, "0.000")} | {Plain(row.Score, 100, "0.0")} | {Signed(row.ScoreDifference, 100, "0.0")} | " +
                $"{Signed(row.LossDifference, 1, "0.000")} |");
            if (!paper.IsEmpty) text.Append($" {Figures(paper.Row(row.Row))} |");
            text.Append('\n');
        }
    }

    /// <summary>Seed by seed, what rows chose that their name does not say.</summary>
    private static void Choices(StringBuilder text, ExperimentResults results, TargetResults target)
    {
        var chosen = target.Seeds.GroupBy(seed => seed.Row)
            .Where(row => row.Any(seed => !NameOf(results, row.Key).StartsWith(seed.Name, StringComparison.Ordinal))).ToList();
        if (chosen.Count == 0) return;
        text.Append('\n');
        foreach (var row in chosen)
            text.Append($"- {string.Join("; ", row.Select(seed => $"seed {seed.Seed}: {seed.Name}, {100 * seed.Score:0.0}"))}\n");
    }

    private static string Heading(ExperimentResults results, PointResults point, string what) =>
        point.Label.Length > 0 ? $"{what}, {results.Axis}: {point.Label}" : what;

    private static string NameOf(ExperimentResults results, string key) => results.Rows.FirstOrDefault(row => row.Key == key)?.Name ?? key;

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private static string Figures(IReadOnlyList<double?>? figures) => figures is null
        ? ""
        : string.Join(" / ", figures.Select(figure => figure?.ToString("0.00", CultureInfo.InvariantCulture) ?? "-"));

    private static string Plain(ConfidenceInterval interval, double factor, string format) =>
        $"{Fixed(factor * interval.Value, format)} [{Fixed(factor * interval.Lower, format)}, {Fixed(factor * interval.Upper, format)}]";

    private static string Signed(ConfidenceInterval? interval, double factor, string format) => interval is not { } known
        ? ""
        : $"{(Fixed(factor * known.Value, format) is var value && value.StartsWith('-') ? value : "+" + value)} " +
            $"[{Fixed(factor * known.Lower, format)}, {Fixed(factor * known.Upper, format)}]";

    private static string Whole(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    // A tiny negative number is zero, not minus zero.
    private static string Fixed(double value, string format)
    {
        var text = value.ToString(format, CultureInfo.InvariantCulture);
        return text.Trim('-', '0', '.').Length == 0 ? text.TrimStart('-') : text;
    }
}
