using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// A weight for every layer of the adapters with the largest weights, each in [-1.5, 1.5] (layer-wise coefficients as AdaMerging's, arXiv
/// 2310.02575, but of LoRA adapters and by queries); everything else as in the recipe that the search starts from.
/// </summary>
public sealed class LayerWeightSpace : ISearchSpace
{
    private readonly WeightedRecipe origin;
    private readonly IReadOnlyList<string> layers;
    private readonly int[] chosen; // positions in the recipe, rising

    /// <param name="layers">Groups of the recipe's modules.</param>
    /// <param name="adapters">How many adapters, at least 1; those of equal weight in the order of the recipe.</param>
    public LayerWeightSpace(WeightedRecipe origin, IReadOnlyList<string> layers, int adapters)
    {
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentOutOfRangeException.ThrowIfLessThan(adapters, 1);
        (this.origin, this.layers) = (origin, layers);
        chosen =
        [
            .. Enumerable.Range(0, origin.Adapters.Count)
                .OrderByDescending(i => Math.Abs(origin.Adapters[i].Weight)).Take(adapters).Order(),
        ];
        CoordinateNames = [.. chosen.SelectMany(i => layers.Select(layer => $"{origin.Adapters[i].Name}/{layer}"))];
        Bounds = BoxBounds.Uniform(CoordinateNames.Count, -WeightSpace.Limit, WeightSpace.Limit);
    }

    public BoxBounds Bounds { get; }

    /// <summary>Each adapter's own weight in all its layers.</summary>
    public IReadOnlyList<double> Start
    {
        get
        {
            var point = chosen.SelectMany(i => Enumerable.Repeat(origin.Adapters[i].Weight, layers.Count)).ToArray();
            Bounds.Clip(point);
            return point;
        }
    }

    public IReadOnlyList<string> CoordinateNames { get; }

    public bool BoundsAreLimits(int coordinate) => true;

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        var adapters = origin.Adapters.ToArray();
        for (var k = 0; k < chosen.Length; k++)
        {
            var first = k * layers.Count;
            adapters[chosen[k]] = adapters[chosen[k]] with
            {
                GroupWeights = [.. layers.Select((layer, i) => new GroupValue(layer, point[first + i]))],
            };
        }

        return origin with { Adapters = adapters };
    }
}
