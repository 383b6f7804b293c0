using Cuvee.Numerics;

namespace Cuvee.Optimization.Nsga2;

/// <summary>
/// NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE Transactions on Evolutionary Computation 6, 2002): parents and children together are
/// sorted into fronts, and the first fronts live, the most isolated points of the last one that fits. Reads
/// <see cref="TrialEvaluation.Losses"/>; penalties are no loss. Never stops itself.
/// </summary>
/// <remarks>The first generation holds the starts, and uniform draws where they are fewer than the population.</remarks>
public sealed class Nsga2Optimizer : IParetoOptimizer
{
    private readonly Nsga2Options options;
    private readonly double[][] first; // [starts or more][N]
    private readonly SeededRandom random;
    private Individual[] population = []; // sorted: by rank, then the most isolated first
    private double[][]? asked;

    /// <param name="starts">[starts][N], inside the bounds; all are asked, even more than the population.</param>
    /// <exception cref="ArgumentException">A start outside the bounds, or a setting out of range.</exception>
    public Nsga2Optimizer(IReadOnlyList<IReadOnlyList<double>> starts, Nsga2Options options)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(options);
        if (options.PopulationSize < 4)
            throw new ArgumentException($"PopulationSize of NSGA-II is {options.PopulationSize}; give at least 4.");
        if (options.Records is { Count: 0 }) throw new ArgumentException("Records of NSGA-II are none; give at least one, or null.");
        foreach (var start in starts) options.Bounds.RequireStart(start);
        options.Variation.Require();
        this.options = options;
        random = new SeededRandom(options.Seed);
        var drawn = Enumerable.Range(0, Math.Max(0, options.PopulationSize - starts.Count)).Select(_ => Draw());
        first = [.. starts.Select(start => start.ToArray()), .. drawn];
    }

    public string Name => "nsga2";

    public int Dimension => options.Bounds.Dimension;

    public int Iteration { get; private set; }

    public IReadOnlyDictionary<string, double> StopReasons { get; } = new Dictionary<string, double>();

    public IReadOnlyList<Trial> Ask()
    {
        if (asked is not null) throw new InvalidOperationException("NSGA-II was asked twice; Tell the evaluations of the last Ask first.");
        asked = Iteration == 0 ? first : Breed();
        return [.. asked.Select(point => new Trial([.. point], options.Records))];
    }

    /// <exception cref="ArgumentException">Not one evaluation a trial, or fewer than two losses, or of different numbers.</exception>
    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException("NSGA-II was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Length)
        {
            throw new ArgumentException(
                $"NSGA-II asked {asked.Length} points, was told {evaluations.Count} evaluations; give one a point, in order.");
        }

        var count = evaluations[0].Losses.Count;
        if (count < 2 || evaluations.Any(evaluation => evaluation.Losses.Count != count))
            throw new ArgumentException("NSGA-II reads at least two losses a point; give the same number for each.");
        var children = asked.Zip(evaluations, (point, evaluation) =>
            new Individual(point, [.. evaluation.Losses.Select(loss => double.IsFinite(loss) ? loss : double.PositiveInfinity)]));
        population = [.. Sorted([.. population, .. children]).Take(options.PopulationSize)];
        Iteration++;
        asked = null;
    }

    /// <summary>The living point of the lowest first loss; the first start before any was told.</summary>
    public IReadOnlyList<double[]> Recommend() =>
        [[.. population.Length == 0 ? first[0] : population.MinBy(individual => individual.Losses[0])!.Point]];

    public IReadOnlyList<double[]> Front() =>
        [.. population.Where(individual => individual.Rank == 0).Select(individual => (double[])[.. individual.Point])];

    private static IEnumerable<Individual> Sorted(IReadOnlyList<Individual> all)
    {
        var rank = 0;
        foreach (var front in ParetoRanking.Fronts([.. all.Select(individual => individual.Losses)]))
        {
            var crowding = ParetoRanking.Crowding([.. front.Select(p => all[p].Losses)]);
            foreach (var (i, p) in front.Index().OrderByDescending(pair => crowding[pair.Index]))
                yield return all[p] with { Rank = rank, Crowding = crowding[i] };
            rank++;
        }
    }

    private double[][] Breed()
    {
        var children = new List<double[]>();
        while (children.Count < options.PopulationSize)
        {
            var (one, other) = options.Variation.Children(Winner().Point, Winner().Point, options.Bounds, random);
            children.Add(one);
            if (children.Count < options.PopulationSize) children.Add(other);
        }

        return [.. children];
    }

    /// <summary>Binary tournament by the crowded comparison: the lower rank, of equal ones the more isolated.</summary>
    private Individual Winner()
    {
        var a = random.NextInt32(population.Length);
        var b = random.NextInt32(population.Length - 1);
        if (b >= a) b++;
        var (x, y) = (population[a], population[b]);
        return (y.Rank, -y.Crowding).CompareTo((x.Rank, -x.Crowding)) < 0 ? y : x;
    }

    private double[] Draw() => [.. options.Bounds.Lower.Zip(options.Bounds.Upper, (lower, upper) =>
        Math.Min(upper, lower + ((upper - lower) * random.NextDouble())))];

    /// <param name="Losses">Positive infinity where not finite.</param>
    /// <param name="Rank">Of its front, from 0.</param>
    private sealed record Individual(double[] Point, double[] Losses, int Rank = 0, double Crowding = 0);
}
