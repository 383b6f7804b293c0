using Cuvee.Numerics;

namespace Cuvee.Optimization;

/// <summary>
/// Independent draws from the box, uniform or Gaussian around the start: the control every optimizer must beat. Never stops itself.
/// </summary>
public sealed class RandomSearch : IOptimizer
{
    private readonly RandomSearchOptions options;
    private readonly double[] start; // [N]
    private readonly SeededRandom random;
    private double[][]? asked;
    private double[]? bestPoint;
    private double bestObjective = double.PositiveInfinity;

    /// <param name="start">Centre of the Gaussian and first recommendation, [N], inside the bounds.</param>
    /// <exception cref="ArgumentException">Empty start, start outside the bounds, or a setting out of range.</exception>
    public RandomSearch(IReadOnlyList<double> start, RandomSearchOptions options)
    {
        if (start.Count == 0) throw new ArgumentException("Random search needs a start of at least one coordinate.");
        options.Bounds.RequireStart(start);
        if (options.PopulationSize < 1)
            throw new ArgumentException($"PopulationSize of random search is {options.PopulationSize}; give at least 1.");
        if (options.GaussianStepSize is { } step && !(step > 0 && double.IsFinite(step)))
            throw new ArgumentException($"GaussianStepSize of random search is {step}; give a number above 0.");
        this.options = options;
        this.start = [.. start];
        random = new SeededRandom(options.Seed);
    }

    public string Name => "random";

    public int Dimension => start.Length;

    public int Iteration { get; private set; }

    public IReadOnlyDictionary<string, double> StopReasons { get; } = new Dictionary<string, double>();

    public IReadOnlyList<Trial> Ask()
    {
        if (asked is not null)
            throw new InvalidOperationException("Random search was asked twice; Tell the evaluations of the last Ask first.");
        asked = [.. Enumerable.Range(0, options.PopulationSize).Select(_ => Enumerable.Range(0, Dimension).Select(Draw).ToArray())];
        return [.. asked.Select(point => new Trial([.. point]))];
    }

    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException("Random search was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Length)
        {
            throw new ArgumentException(
                $"Random search asked {asked.Length} points, was told {evaluations.Count} evaluations; give one a point, in order.");
        }

        for (var k = 0; k < asked.Length; k++)
        {
            if (!double.IsFinite(evaluations[k].Objective) || evaluations[k].Objective >= bestObjective) continue;
            bestObjective = evaluations[k].Objective;
            bestPoint = asked[k];
        }

        Iteration++;
        asked = null;
    }

    /// <summary>The best point told; the start before the first finite objective.</summary>
    public IReadOnlyList<double[]> Recommend() => [[.. bestPoint ?? start]];

    private double Draw(int coordinate)
    {
        var (lower, upper) = (options.Bounds.Lower[coordinate], options.Bounds.Upper[coordinate]);
        if (options.GaussianStepSize is not { } step) return Math.Min(upper, lower + ((upper - lower) * random.NextDouble()));
        while (true)
        {
            var value = start[coordinate] + (step * random.NextGaussian());
            if (value >= lower && value <= upper) return value;
        }
    }
}
