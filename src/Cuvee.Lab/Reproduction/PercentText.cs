using System.Globalization;
using Cuvee.Metrics;

namespace Cuvee.Lab.Reproduction;

/// <summary>Fractions as pages show them.</summary>
internal static class PercentText
{
    public static string Of(double fraction) => (100 * fraction).ToString("0.0", CultureInfo.InvariantCulture);

    public static string Of(ConfidenceInterval interval) => $"{Of(interval.Value)} ({Of(interval.Lower)} to {Of(interval.Upper)})";
}
