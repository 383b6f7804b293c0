namespace Cuvee.Optimization;

/// <summary>
/// Screens items one by one, then tries every point of a grid on the best of them together: two Ask/Tell pairs, then it stops. A point is
/// [together, grid coordinates, members]: together is 0 for an item alone and 1 for a point of the grid, members[i] is 1 where item i takes
/// part. Deterministic; equal losses rank in the order of the items.
/// </summary>
public sealed class ScreenedGrid : IOptimizer
{
    private readonly double[] start; // [1 + coordinates + items]
    private readonly ScreenedGridOptions options;
    private double[][]? asked;
    private double[][] ranked; // of the last Tell, the best first
    private int[] bestItems = []; // as many as the grid is tried on

    /// <param name="start">Together 0 and no member; its grid coordinates are those of items alone.</param>
    /// <exception cref="ArgumentException">No item, an empty grid, or lengths that do not fit.</exception>
    public ScreenedGrid(IReadOnlyList<double> start, ScreenedGridOptions options)
    {
        if (options.Items < 1 || options.Top < 1)
            throw new ArgumentException($"A screened grid keeps {options.Top} of {options.Items} items; give at least one of each.");
        if (options.Grid.Count == 0) throw new ArgumentException("The grid has no point; give at least one.");
        if (options.Grid.FirstOrDefault(point => 1 + point.Length + options.Items != start.Count) is { } odd)
        {
            throw new ArgumentException(
                $"The start has {start.Count} coordinates, a point of the grid {odd.Length} and the items {options.Items}; give 1 + " +
                "grid + items.");
        }

        this.options = options;
        this.start = [.. start];
        ranked = [this.start];
    }

    public string Name => "grid";

    public int Dimension => start.Length;

    public int Iteration { get; private set; }

    public IReadOnlyDictionary<string, double> StopReasons => Iteration < 2
        ? new Dictionary<string, double>()
        : new Dictionary<string, double> { ["grid"] = options.Grid.Count };

    public IReadOnlyList<Trial> Ask()
    {
        if (asked is not null) throw new InvalidOperationException("The grid was asked twice; Tell the evaluations of the last Ask first.");
        if (Iteration == 2) throw new InvalidOperationException("The whole grid was told; ask no more once there are StopReasons.");
        asked = Iteration == 0 ? [.. Enumerable.Range(0, options.Items).Select(Alone)] : Together();
        return [.. asked.Select(point => new Trial([.. point]))];
    }

    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException("The grid was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Length)
        {
            throw new ArgumentException(
                $"The grid asked {asked.Length} points, was told {evaluations.Count} evaluations; give one a point, in order.");
        }

        int[] order = [.. Enumerable.Range(0, asked.Length).OrderBy(i =>
            double.IsFinite(evaluations[i].Objective) ? evaluations[i].Objective : double.PositiveInfinity)];
        ranked = [.. order.Select(i => asked[i])];
        if (Iteration == 0) bestItems = [.. order.Take(options.Top)];
        Iteration++;
        asked = null;
    }

    /// <summary>The points of the last Tell, the best first; the start before it.</summary>
    public IReadOnlyList<double[]> Recommend() => [.. ranked.Select(point => (double[])[.. point])];

    private double[] Alone(int item)
    {
        double[] point = [.. start];
        point[Dimension - options.Items + item] = 1;
        return point;
    }

    private double[][] Together()
    {
        var members = new double[options.Items];
        foreach (var item in bestItems) members[item] = 1;
        return [.. options.Grid.Select(point => (double[])[1, .. point, .. members])];
    }
}

/// <summary>What is screened, and the grid.</summary>
public sealed record ScreenedGridOptions
{
    public required int Items { get; init; }

    /// <summary>Items that the grid is tried on, at most.</summary>
    public required int Top { get; init; }

    /// <summary>Coordinates of every point, all of one length, which may be 0.</summary>
    public required IReadOnlyList<double[]> Grid { get; init; }
}
