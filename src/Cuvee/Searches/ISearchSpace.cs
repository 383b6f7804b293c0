using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>What the numbers of a genotype mean: genotype [Dimension] to and from <see cref="MergeRecipe"/>. Immutable.</summary>
public interface ISearchSpace
{
    BoxBounds Bounds { get; }

    /// <summary>Where a search starts, [Dimension].</summary>
    IReadOnlyList<double> Start { get; }

    /// <summary>One name a coordinate, for people.</summary>
    IReadOnlyList<string> CoordinateNames { get; }

    /// <summary>
    /// A point at a bound is worth a warning: the best value may lie outside. False where the bound is a natural end, such as "keep
    /// everything".
    /// </summary>
    bool BoundsAreLimits { get; }

    /// <param name="point">[Dimension], inside <see cref="Bounds"/>.</param>
    MergeRecipe Decode(IReadOnlyList<double> point);
}
