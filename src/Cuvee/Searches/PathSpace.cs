using Cuvee.Optimization;

namespace Cuvee.Searches;

/// <summary>
/// Ways through the layers of whole models: the data-flow space of arXiv 2403.13187, section 3.2. All M layers stand in a row, the first
/// model's first, and the row is repeated r times: a slot is on the path where its indicator is above 0. Between layer i and the next one
/// on the path, j, the hidden state is scaled by W[i, j].
/// </summary>
/// <remarks>
/// Genotype: T = M r indicators, then the scales, each as its distance from 1: M x M numbers, or the parameters of a network of (i, j, t)
/// with <see cref="Hidden"/> tanh units, or none. A scale nearer to 0 than <see cref="LeastScale"/> is that far from it; a path without a
/// slot has the one with the largest indicator.
/// </remarks>
public sealed class PathSpace : ISearchSpace
{
    /// <summary>Units of the network that gives scales.</summary>
    public const int Hidden = 4;

    /// <summary>Least absolute scale, so that a path can be folded into a checkpoint.</summary>
    public const double LeastScale = 0.05;

    private const double Included = 0.5; // start of an indicator, either way
    private const double Reach = 1; // of indicators and of a scale's distance from 1
    private const double NetworkReach = 3;

    private readonly IReadOnlyList<string?> models;
    private readonly int layers;
    private readonly PathScales scales;
    private readonly MergeRecipe? merged;
    private readonly int slots;

    /// <param name="models">Of the pool, first the one whose embeddings and head the path has; null: <paramref name="merged"/>.</param>
    /// <param name="layers">Of each model.</param>
    /// <param name="repeats">r, at least 1.</param>
    public PathSpace(IReadOnlyList<string?> models, int layers, int repeats, PathScales scales, MergeRecipe? merged = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        (this.models, this.layers, this.scales, this.merged) = (models, layers, scales, merged);
        slots = Layers * repeats;
        CoordinateNames =
        [
            .. Enumerable.Range(0, slots).Select(slot => $"slot {slot}: {NameOf(slot % Layers)}"),
            .. scales switch
            {
                PathScales.Matrix => from i in Enumerable.Range(0, Layers)
                                     from j in Enumerable.Range(0, Layers)
                                     select $"scale {NameOf(i)} to {NameOf(j)}",
                PathScales.Network => Enumerable.Range(0, (Hidden * 5) + 1).Select(parameter => $"scale parameter {parameter}"),
                _ => [],
            },
        ];
        var (count, reach) = (CoordinateNames.Count, scales == PathScales.Network ? NetworkReach : Reach);
        double[] upper = [.. Enumerable.Range(0, count).Select(at => at < slots ? Reach : reach)];
        Bounds = new BoxBounds([.. upper.Select(value => -value)], upper);
    }

    public BoxBounds Bounds { get; }

    /// <summary>The first model as it is.</summary>
    public IReadOnlyList<double> Start =>
        [.. Enumerable.Range(0, CoordinateNames.Count).Select(at => at >= slots ? 0 : at < layers ? Included : -Included)];

    public IReadOnlyList<string> CoordinateNames { get; }

    public bool BoundsAreLimits(int coordinate) => false;

    private int Layers => models.Count * layers; // M

    /// <summary>The first model as it is.</summary>
    public static PathRecipe Plain(string? model, int layers, MergeRecipe? merged = null) =>
        new(model, [.. Enumerable.Range(0, layers).Select(layer => new RecipeStep(model, layer))], merged);

    public MergeRecipe Decode(IReadOnlyList<double> point)
    {
        ArgumentNullException.ThrowIfNull(point);
        var chosen = Enumerable.Range(0, slots).Where(slot => point[slot] > 0).ToList();
        if (chosen.Count == 0) chosen.Add(Enumerable.Range(0, slots).MaxBy(slot => point[slot]));
        var steps = new List<RecipeStep>(chosen.Count);
        int? before = null;
        foreach (var slot in chosen)
        {
            var layer = slot % Layers;
            steps.Add(new RecipeStep(models[layer / layers], layer % layers, before is { } from ? Scale(point, from, layer, slot) : 1));
            before = layer;
        }

        return new PathRecipe(models[0], steps, merged);
    }

    private double Scale(IReadOnlyList<double> point, int from, int to, int slot)
    {
        var scale = 1 + scales switch
        {
            PathScales.Matrix => point[slots + (from * Layers) + to],
            PathScales.Network => Network(point, [(double)from / Layers, (double)to / Layers, (double)slot / slots]),
            _ => 0,
        };
        return Math.Abs(scale) >= LeastScale ? scale : Math.CopySign(LeastScale, scale);
    }

    // [hidden][3 inputs, bias, output], then the output's bias.
    private double Network(IReadOnlyList<double> point, double[] inputs)
    {
        var output = point[slots + (Hidden * 5)];
        for (var unit = 0; unit < Hidden; unit++)
        {
            var first = slots + (unit * 5);
            var sum = point[first + 3];
            for (var i = 0; i < 3; i++) sum += point[first + i] * inputs[i];
            output += point[first + 4] * Math.Tanh(sum);
        }

        return output;
    }

    private string NameOf(int layer) => $"{models[layer / layers] ?? "merged"}/{layer % layers}";
}

/// <summary>Where the scales between a path's layers come from.</summary>
public enum PathScales
{
    /// <summary>All are 1.</summary>
    None,

    /// <summary>One number for each pair of layers.</summary>
    Matrix,

    /// <summary>A small network of both layers and the slot.</summary>
    Network,
}
