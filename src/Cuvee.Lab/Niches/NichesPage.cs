using System.Globalization;
using System.Text;
using Cuvee.Formats;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Niches;

/// <summary>niches.md and its learning curves, from results alone. Same results, same bytes.</summary>
internal static class NichesPage
{
    // Okabe and Ito's, told apart by colour-blind readers, too.
    private static readonly string[] Colours =
        ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"];

    private static readonly (string Start, string Title)[] Starts =
        [(NichesExperiment.Scratch, "From scratch"), (NichesExperiment.Parents, "From two parents (digits 0-4, digits 5-9)")];

    /// <returns>The page's path.</returns>
    public static string Write(string folder, NichesResults results)
    {
        Directory.CreateDirectory(folder);
        void File(string suffix, string text) =>
            AtomicFile.WriteAllBytes(Path.Combine(folder, results.Experiment + suffix), Encoding.UTF8.GetBytes(text));
        foreach (var (start, title) in Starts) File($"-{start}.svg", Curves(results, start, title));
        File(".md", Render(results));
        return Path.Combine(folder, results.Experiment + ".md");
    }

    /// <summary>The two comparisons with MAP-Elites, CMA-ES and the genetic algorithm in one sentence each.</summary>
    public static string Verdict(NichesResults results) => string.Join(' ', Claims(results));

    public static string Render(NichesResults results)
    {
        var text = new StringBuilder("# Natural niches on digits\n\n");
        text.Append(
            "The digit classifiers of M2N2 ([arXiv 2508.16204](https://arxiv.org/abs/2508.16204)) rebuilt: an MLP " +
            $"{results.Pixels}-{DigitNet.Hidden}-{DigitImages.Classes} with ReLU ({results.Weights:N0} weights) on {results.Images}, " +
            $"{results.TrainImages} training and {results.TestImages} test images, pixels from 0 to 1. A forward pass is " +
            "one model on all training images; fitness is accuracy there, and a row " +
            $"is the best model by training accuracy after {results.Passes:N0} passes. Archive of 20, exponent 1, one child at a time; " +
            "from scratch two models N(0, 0.01) and mutation of 0.01, from parents no mutation.\n\n" +
            "What is ours: MAP-Elites has 10 x 10 cells over the accuracies on the digits 0-4 and 5-9, with the same crossover and " +
            "mutation; parents are trained by Adam, 300 steps on whole batches. CMA-ES (population 20, sigma 0.01, from the first random " +
            $"model) is the **separable** one: the full covariance of {results.Weights:N0} weights would hold " +
            $"{Math.Round((double)results.Weights * results.Weights / 1e6):N0} million numbers. From parents it " +
            "does not take part, as in the authors' code.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Seeds {string.Join(", ", results.Seeds)}. ");
        text.Append($"Repeat: `cuvee reproduce {results.Experiment} --data DATA");
        text.Append($"{(results.Quick ? " --quick" : "")} --seeds {results.Seeds.Count}`.\n\n");
        if (results.Quick) text.Append("**A quick run**: few passes. It shows that all works, not who wins.\n\n");
        text.Append($"**Verdict.** {Verdict(results)}\n");
        foreach (var (start, title) in Starts)
        {
            text.Append($"\n## {title}\n\n![Learning curves]({results.Experiment}-{start}.svg)\n\n");
            text.Append("| row | training, % | test, % | M2N2 minus row | seconds a run |\n|---|---:|---:|---:|---:|\n");
            foreach (var row in results.Rows.Where(row => row.Start == start))
            {
                text.Append(
                    $"| {row.Name} | {PercentText.Of(row.Train)} | {PercentText.Of(row.Test)} | " +
                    $"{(row.Difference is { } difference ? PercentText.Of(difference) : "")} | " +
                    $"{row.Seconds.ToString("0", CultureInfo.InvariantCulture)} |\n");
            }
        }

        text.Append("\n## Parents and reference\n\n| model | test, % |\n|---|---:|\n");
        foreach (var reference in results.References) text.Append($"| {reference.Name} | {PercentText.Of(reference.Test)} |\n");
        text.Append(
            "\n95% bootstrap intervals over seeds and test images together; differences are paired over both. Measuring curves is not " +
            "counted as passes. Seconds with a run on every hardware thread, beside whatever else the machine did.\n");
        return text.ToString();
    }

    private static IEnumerable<string> Claims(NichesResults results)
    {
        foreach (var (start, title) in Starts)
        {
            foreach (var row in results.Rows.Where(row => row.Start == start))
            {
                if (row.Row is not ("sep-cma-es" or "map-elites" or "ga") || row.Difference is not { } difference) continue;
                var verdict = difference.Lower > 0 ? "better than" : difference.Upper < 0 ? "worse than" : "undecided against";
                yield return $"{title}: M2N2 is {verdict} {row.Name} ({PercentText.Of(difference)} points).";
            }
        }
    }

    private static string Curves(NichesResults results, string start, string title)
    {
        const int left = 60, right = 560, top = 40, bottom = 360;
        var drawing = new SvgDrawing(920, bottom + 50);
        var rows = results.Rows.Where(row => row.Start == start).ToList();
        var axis = PlotAxis.Over([0, 100], bottom, top);
        var passes = PlotAxis.Over([results.Passes], left, right);
        drawing.Text(
            left, 20, $"{title}: test accuracy of the best model by training accuracy, percent; mean of {results.Seeds.Count} seeds");
        drawing.Text((left + right) / 2.0, bottom + 40, "forward passes of the training set", "middle");
        foreach (var (pixel, label) in axis.Ticks)
        {
            drawing.Line(left, pixel, right, pixel, "#dddddd");
            drawing.Text(left - 8, pixel + 4, label, "end");
        }

        foreach (var (pixel, label) in passes.Ticks) drawing.Text(pixel, bottom + 18, label, "middle");
        foreach (var (i, row) in rows.Index())
        {
            var curves = results.Runs.Where(run => run.Start == start && run.Row == row.Row).Select(run => run.Curve).ToList();
            drawing.Path(
                Enumerable.Range(0, curves.Min(curve => curve.Count)).Select(at => (
                    passes.At(curves[0][at].Passes), axis.At(100 * curves.Average(curve => curve[at].Test)))),
                Colours[i % Colours.Length]);
            var y = top + 10 + (i * 22);
            drawing.Line(right + 20, y, right + 40, y, Colours[i % Colours.Length], 2);
            drawing.Text(right + 46, y + 4, row.Name);
        }

        return drawing.ToString();
    }
}
