using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// A coefficient for every layer of every adapter, each in [-1.5, 1.5], laid out [layers][adapters] as the layers of a flattened model
/// are, so that a point cut between two layers is a model cut there.
/// </summary>
/// <param name="origin">The adapters, their keep fractions and the coefficients that the search starts from.</param>
/// <param name="layers">Groups of the recipe's modules, at least one; modules of none get an adapter's mean coefficient.</param>
public sealed class PoolLayerSpace(WeightedRecipe origin, IReadOnlyList<string> layers) : ISearchSpace
{
    private readonly int adapters = origin.Adapters.Count;

    public BoxBounds Bounds { get; } =
        BoxBounds.Uniform(layers.Count * origin.Adapters.Count, -WeightSpace.Limit, WeightSpace.Limit);

    /// <summary>Each adapter's own weight in all its layers, clipped to the bounds.</summary>
    public IReadOnlyList<double> Start
    {
        get
        {
            double[] point = [.. layers.SelectMany(_ => origin.Adapters.Select(share => share.Weight))];
            Bounds.Clip(point);
            return point;
        }
    }

    public IReadOnlyList<string> CoordinateNames { get; } =
        [.. layers.SelectMany(layer => origin.Adapters.Select(share => $"{share.Name}/{layer}"))];

    public bool BoundsAreLimits(int coordinate) => true;

    /// <summary>An adapter of one coefficient in all layers has a plain weight, so that one model has one recipe.</summary>
    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        return origin with { Adapters = [.. origin.Adapters.Select((share, i) => With(share, point, i))] };
    }

    private AdapterShare With(AdapterShare share, IReadOnlyList<double> point, int adapter)
    {
        double[] own = [.. layers.Select((_, layer) => point[(layer * adapters) + adapter])];
        return own.All(value => value == own[0])
            ? share with { Weight = own[0], GroupWeights = GroupValues.None }
            : share with
            {
                Weight = own.Average(),
                GroupWeights = [.. layers.Zip(own, (layer, value) => new GroupValue(layer, value))],
            };
    }
}
