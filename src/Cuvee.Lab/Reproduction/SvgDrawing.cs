using System.Globalization;
using System.Security;
using System.Text;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// Lines, marks and texts as SVG 1.1; coordinates in pixels from the top left, rounded to hundredths. Same calls, same bytes.
/// </summary>
internal sealed class SvgDrawing(int width, int height)
{
    private const string Ink = "#222222";

    private readonly StringBuilder body = new();

    public void Line(double x1, double y1, double x2, double y2, string colour = Ink, double thickness = 1) => body.Append(
        $"  <line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" stroke=\"{colour}\" stroke-width=\"{N(thickness)}\"/>\n");

    public void Dot(double x, double y, string colour, double radius = 4) =>
        body.Append($"  <circle cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"{N(radius)}\" fill=\"{colour}\"/>\n");

    /// <summary>Hollow.</summary>
    public void Diamond(double x, double y, string colour = Ink, double radius = 5) => body.Append(
        $"  <path d=\"M{N(x - radius)} {N(y)} L{N(x)} {N(y - radius)} L{N(x + radius)} {N(y)} L{N(x)} {N(y + radius)} Z\" fill=\"none\" " +
        $"stroke=\"{colour}\" stroke-width=\"1.2\"/>\n");

    public void Path(IEnumerable<(double X, double Y)> points, string colour) => body.Append(
        $"  <polyline points=\"{string.Join(' ', points.Select(p => $"{N(p.X)},{N(p.Y)}"))}\" fill=\"none\" stroke=\"{colour}\" " +
        "stroke-width=\"1.5\"/>\n");

    /// <param name="anchor">start, middle or end of the text is at <paramref name="x"/>.</param>
    public void Text(double x, double y, string text, string anchor = "start", string colour = Ink) => body.Append(
        $"  <text x=\"{N(x)}\" y=\"{N(y)}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{SecurityElement.Escape(text)}</text>\n");

    public override string ToString() =>
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" " +
        $"font-family=\"sans-serif\" font-size=\"12\">\n  <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n";

    private static string N(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture) is "-0" ? "0"
        : Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);
}

/// <summary>A linear axis with round ticks.</summary>
/// <param name="From">Pixel of <see cref="Low"/>.</param>
/// <param name="To">Pixel of <see cref="High"/>.</param>
internal sealed record PlotAxis(double From, double To, double Low, double High, double Step)
{
    private const int WantedTicks = 6;

    private static readonly double[] RoundSteps = [1, 2, 5, 10]; // times a power of ten

    /// <summary>Holds zero and all values that are finite.</summary>
    public static PlotAxis Over(IEnumerable<double> values, double from, double to)
    {
        double[] all = [0, .. values.Where(double.IsFinite)];
        var (low, high) = (all.Min(), all.Max());
        if (high == low) high = low + 1;
        var raw = (high - low) / WantedTicks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = RoundSteps.First(factor => factor * power >= raw * 0.999) * power;
        return new PlotAxis(from, to, Math.Floor(low / step) * step, Math.Ceiling(high / step) * step, step);
    }

    public IEnumerable<(double Pixel, string Label)> Ticks => Enumerable.Range(0, (int)Math.Round((High - Low) / Step) + 1)
        .Select(i => Low + (i * Step))
        .Select(value => (At(value), Math.Round(value, 6).ToString("0.######", CultureInfo.InvariantCulture)));

    /// <summary>Values outside stand at the edge.</summary>
    public double At(double value) => From + ((Math.Clamp(value, Low, High) - Low) / (High - Low) * (To - From));
}
