using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>One coordinate an adapter, everything else as in the recipe that the search starts from.</summary>
public abstract class AdapterSpace : ISearchSpace
{
    private readonly WeightedRecipe origin;

    private protected AdapterSpace(WeightedRecipe origin, double lower, double upper)
    {
        this.origin = origin;
        Bounds = BoxBounds.Uniform(origin.Adapters.Count, lower, upper);
        CoordinateNames = [.. origin.Adapters.Select(share => share.Name)];
    }

    public BoxBounds Bounds { get; }

    /// <summary>The origin's own values, clipped to the bounds.</summary>
    public IReadOnlyList<double> Start
    {
        get
        {
            var point = origin.Adapters.Select(Coordinate).ToArray();
            Bounds.Clip(point);
            return point;
        }
    }

    public IReadOnlyList<string> CoordinateNames { get; }

    public abstract bool BoundsAreLimits(int coordinate);

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        return origin with { Adapters = [.. origin.Adapters.Select((share, i) => With(share, point[i]))] };
    }

    private protected abstract AdapterShare With(AdapterShare share, double value);

    private protected abstract double Coordinate(AdapterShare share);
}
