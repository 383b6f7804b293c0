namespace Cuvee.Optimization.Tests;

internal static class BoxBoundsExtensions
{
    /// <summary>True when every coordinate lies inside or on its bounds; false for NaN.</summary>
    public static bool Contains(this BoxBounds bounds, double[] point) =>
        point.Index().All(x => x.Item >= bounds.Lower[x.Index] && x.Item <= bounds.Upper[x.Index]);
}
