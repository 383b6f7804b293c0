using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// Parameters of a merge method for every model and every group of its layers: the parameter space of arXiv 2403.13187, section 3.1.
/// Everything else is as in the recipe that the search starts from.
/// </summary>
public sealed class LayerParameterSpace : ISearchSpace
{
    private readonly MethodRecipe origin;
    private readonly IReadOnlyList<string> groups;
    private readonly IReadOnlyList<ParameterRange> ranges;

    /// <param name="groups">Of tensors, in the model's order, at least one.</param>
    /// <param name="ranges">Of the method's parameters of each model.</param>
    public LayerParameterSpace(MethodRecipe origin, IReadOnlyList<string> groups, IReadOnlyList<ParameterRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(ranges);
        (this.origin, this.groups, this.ranges) = (origin, groups, ranges);
        CoordinateNames =
        [
            .. from range in ranges
               from model in origin.Adapters
               from part in groups
               select $"{range.Name} of {model.Name}/{part}",
        ];
        var places = origin.Adapters.Count * groups.Count;
        Bounds = new BoxBounds(
            [.. ranges.SelectMany(range => Enumerable.Repeat(range.Lower, places))],
            [.. ranges.SelectMany(range => Enumerable.Repeat(range.Upper, places))]);
    }

    public BoxBounds Bounds { get; }

    /// <summary>Each model's own values in all its layers.</summary>
    public IReadOnlyList<double> Start
    {
        get
        {
            var point = ranges.SelectMany(range => origin.Adapters.SelectMany(model =>
                Enumerable.Repeat(model.Parameters[range.Name], groups.Count))).ToArray();
            Bounds.Clip(point);
            return point;
        }
    }

    public IReadOnlyList<string> CoordinateNames { get; }

    public bool BoundsAreLimits(int coordinate) => !ranges[coordinate / (origin.Adapters.Count * groups.Count)].IsWhole;

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        return origin with
        {
            Adapters =
            [
                .. origin.Adapters.Select((model, m) => model with
                {
                    GroupParameters = ranges.Select((range, r) => (
                        range.Name,
                        Values: new GroupValues(groups.Select((part, g) =>
                            new GroupValue(part, point[(((r * origin.Adapters.Count) + m) * groups.Count) + g])))))
                        .ToDictionary(pair => pair.Name, pair => pair.Values),
                }),
            ],
        };
    }
}

/// <summary>A searched parameter that each model has of its own.</summary>
/// <param name="IsWhole">There are no values outside.</param>
public sealed record ParameterRange(string Name, double Lower, double Upper, bool IsWhole = false);
