using Cuvee.Merging;
using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>One coordinate an adapter, everything else as in the recipe that the search starts from.</summary>
public abstract class AdapterSpace : ISearchSpace
{
    private readonly MergeRecipe origin;

    private protected AdapterSpace(MergeRecipe origin, double lower, double upper)
    {
        this.origin = origin;
        Bounds = BoxBounds.Uniform(origin.Adapters.Count, lower, upper);
        CoordinateNames = [.. origin.Adapters.Select(share => share.Name)];
    }

    public BoxBounds Bounds { get; }

    public IReadOnlyList<double> Start => Encode(origin);

    public IReadOnlyList<string> CoordinateNames { get; }

    public abstract bool BoundsAreLimits { get; }

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        return origin with { Adapters = [.. origin.Adapters.Select((share, i) => With(share, point[i]))] };
    }

    public double[] Encode(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var point = recipe.Adapters.Select(Coordinate).ToArray();
        Bounds.Clip(point);
        return point;
    }

    private protected abstract AdapterShare With(AdapterShare share, double value);

    private protected abstract double Coordinate(AdapterShare share);
}
