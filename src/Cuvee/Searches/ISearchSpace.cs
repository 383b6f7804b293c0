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
    /// A point at a bound of the coordinate is worth a warning: the best value may lie outside. False where the bounds are natural ends,
    /// such as "keep everything".
    /// </summary>
    bool BoundsAreLimits(int coordinate);

    /// <param name="point">[Dimension], inside <see cref="Bounds"/>.</param>
    MergeRecipe Decode(IReadOnlyList<double> point);
}
