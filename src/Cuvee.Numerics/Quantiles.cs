namespace Cuvee.Numerics;

/// <summary>Quantiles by linear interpolation between order statistics (Hyndman and Fan's type 7).</summary>
public static class Quantiles
{
    /// <param name="values">At least one, in any order.</param>
    public static double Median(IEnumerable<double> values) => Of(values, 0.5);

    /// <param name="values">At least one, in any order.</param>
    /// <param name="probability">In [0, 1].</param>
    public static double Of(IEnumerable<double> values, double probability) => OfSorted([.. values.Order()], probability);

    /// <param name="sorted">At least one, rising.</param>
    /// <param name="probability">In [0, 1].</param>
    public static double OfSorted(ReadOnlySpan<double> sorted, double probability)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sorted.Length, nameof(sorted));
        ArgumentOutOfRangeException.ThrowIfNegative(probability);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(probability, 1);
        var position = probability * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
