namespace Cuvee.Metrics;

/// <summary>
/// One record's share of a quotient of sums: F1 from <see cref="MetricCounts.ToRatio"/>, a loss from (-log-probability, tokens).
/// </summary>
public readonly record struct Ratio(double Numerator, double Denominator)
{
    /// <summary>0 when the denominator is 0.</summary>
    public double Value => Denominator == 0 ? 0 : Numerator / Denominator;

    public static Ratio operator +(Ratio left, Ratio right) => new(left.Numerator + right.Numerator, left.Denominator + right.Denominator);

    public static Ratio Add(Ratio left, Ratio right) => left + right;
}
