using Cuvee.Metrics;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// The plots of an experiment's page, drawn from its results: rows with their intervals, or curves where something is varied.
/// </summary>
internal static class ResultPlots
{
    private const int Width = 820;
    private const int Labels = 400; // pixels, left of the rows
    private const int RowHeight = 22;

    private static readonly Dictionary<string, string> KindColours = new(StringComparer.Ordinal)
    {
        ["search"] = "#0072b2",
        ["baseline"] = "#7f7f7f",
        ["control"] = "#d55e00",
        ["reference"] = "#009e73",
    };

    // Okabe and Ito's, told apart by colour-blind readers, too.
    private static readonly string[] CurveColours =
        ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"];

    public static string Score(ExperimentResults results) => results.Axis is null
        ? Rows(results, $"{results.Metric}, percent", row => Percent(row.Score), PaperFigures.Of(results.Experiment))
        : Curves(results, $"{results.Metric}, percent", row => Percent(row.Score));

    public static string Loss(ExperimentResults results) => results.Axis is null
        ? Rows(results, "test loss, nats per answer token", row => row.TestLoss, PaperFigures.Of(""))
        : Curves(results, "test loss, nats per answer token", row => row.TestLoss);

    private static string Rows(ExperimentResults results, string title, Func<RowSummary, ConfidenceInterval> value, PaperFigures paper)
    {
        var rows = results.Points[0].Average;
        const int top = 46;
        var bottom = top + (rows.Count * RowHeight);
        var drawing = new SvgDrawing(Width, bottom + 34);
        var marks = rows.Select(row => paper.Row(row.Row)?[0] ?? double.NaN).ToList();
        var axis = PlotAxis.Over([.. rows.Select(value).SelectMany(Ends), .. marks], Labels, Width - 30);
        drawing.Text(Labels, 18, title);
        if (!paper.IsEmpty)
        {
            drawing.Diamond(Labels + 6, 31);
            drawing.Text(Labels + 16, 35, $"the paper's ({PaperFigures.Models[0]})");
        }

        foreach (var (pixel, label) in axis.Ticks)
        {
            drawing.Line(pixel, top, pixel, bottom, "#dddddd");
            drawing.Text(pixel, bottom + 18, label, "middle");
        }

        foreach (var (i, row) in rows.Index())
        {
            var y = top + ((i + 0.5) * RowHeight);
            var description = results.Rows.First(each => each.Key == row.Row);
            var (interval, colour) = (value(row), KindColours.GetValueOrDefault(description.Kind, "#222222"));
            drawing.Text(Labels - 10, y + 4, description.Name, "end");
            drawing.Line(axis.At(interval.Lower), y, axis.At(interval.Upper), y, colour, 2);
            drawing.Dot(axis.At(interval.Value), y, colour);
            if (double.IsFinite(marks[i])) drawing.Diamond(axis.At(marks[i]), y);
        }

        return drawing.ToString();
    }

    private static string Curves(ExperimentResults results, string title, Func<RowSummary, ConfidenceInterval> value)
    {
        const int left = 60, right = 520, top = 40, bottom = 360;
        var drawing = new SvgDrawing(Width + 100, bottom + 50);
        var axis = PlotAxis.Over(results.Points.SelectMany(point => point.Average).Select(value).SelectMany(Ends), bottom, top);
        drawing.Text(left, 20, title);
        drawing.Text((left + right) / 2.0, bottom + 40, results.Axis!, "middle");
        foreach (var (pixel, label) in axis.Ticks)
        {
            drawing.Line(left, pixel, right, pixel, "#dddddd");
            drawing.Text(left - 8, pixel + 4, label, "end");
        }

        double X(int point) => left + ((point + 0.5) * (right - left) / results.Points.Count);
        foreach (var (i, point) in results.Points.Index()) drawing.Text(X(i), bottom + 18, point.Label, "middle");
        foreach (var (i, row) in results.Rows.Index())
        {
            var colour = CurveColours[i % CurveColours.Length];
            var aside = (i - ((results.Rows.Count - 1) / 2.0)) * 5; // so that whiskers do not hide each other
            var marks = results.Points.Index()
                .Select(point => (At: X(point.Index) + aside, Row: point.Item.Average.FirstOrDefault(each => each.Row == row.Key)))
                .Where(mark => mark.Row is not null).Select(mark => (mark.At, Value: value(mark.Row!))).ToList();
            drawing.Path(marks.Select(mark => (mark.At, axis.At(mark.Value.Value))), colour);
            foreach (var (at, interval) in marks)
            {
                drawing.Line(at, axis.At(interval.Lower), at, axis.At(interval.Upper), colour, 1.5);
                drawing.Dot(at, axis.At(interval.Value), colour, 3);
            }

            var y = top + 10 + (i * RowHeight);
            drawing.Line(right + 20, y, right + 40, y, colour, 2);
            drawing.Text(right + 46, y + 4, row.Name);
        }

        return drawing.ToString();
    }

    private static double[] Ends(ConfidenceInterval interval) => [interval.Value, interval.Lower, interval.Upper];

    private static ConfidenceInterval Percent(ConfidenceInterval score) => new(100 * score.Value, 100 * score.Lower, 100 * score.Upper);
}
