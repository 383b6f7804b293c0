using Cuvee.Numerics;

namespace Cuvee.Optimization.NaturalNiches;

/// <summary>
/// M2N2, competition and attraction for niches (arXiv 2508.16204): an archive of models with a score a data point. The first parent is
/// drawn in proportion to fitness, in which models that solve the same point share it; the second in proportion to what it adds to the
/// first; the child is measured, joins, and the least fit leaves. Reads <see cref="TrialEvaluation.RecordLosses"/>. Never stops itself.
/// </summary>
/// <remarks>
/// The archive begins empty and takes the starts; the authors' begins with models of score 0, which are never drawn and leave first. Where
/// nothing attracts (no other model is better at any point), the second parent is drawn by fitness among the others; where all fitnesses
/// are 0, evenly. Of several least fit the youngest leaves.
/// </remarks>
public sealed class NaturalNichesOptimizer : IOptimizer
{
    private readonly NaturalNichesOptions options;
    private readonly Nursery nursery;
    private readonly SeededRandom random;
    private readonly List<Member> archive = []; // oldest first
    private double[] capacities = []; // z, [data points]
    private double[] fitness = []; // [archive]

    /// <param name="starts">[starts][N]; asked first, all at once, after their screening.</param>
    /// <exception cref="ArgumentException">No start, starts of different lengths, or a setting out of range.</exception>
    public NaturalNichesOptimizer(IReadOnlyList<IReadOnlyList<double>> starts, NaturalNichesOptions options)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(options);
        if (options.ArchiveSize < 2) throw new ArgumentException($"ArchiveSize is {options.ArchiveSize}; give at least 2.");
        if (options.InFlight < 1) throw new ArgumentException($"InFlight is {options.InFlight}; give at least 1.");
        if (!(options.CompetitionExponent is >= 0 and <= 10))
            throw new ArgumentException($"CompetitionExponent is {options.CompetitionExponent}; give a number from 0 to 10.");
        nursery = new Nursery("Natural niches", starts, options.Records, options.Score, options.Screening);
        options.Variation.Require(nursery.Dimension);
        this.options = options;
        random = new SeededRandom(options.Seed);
    }

    public string Name => "natural-niches";

    public int Dimension => nursery.Dimension;

    public int Iteration => nursery.Iteration;

    public IReadOnlyDictionary<string, double> StopReasons { get; } = new Dictionary<string, double>();

    public IReadOnlyList<Trial> Ask() => nursery.Ask(options.InFlight, Breed);

    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        foreach (var member in nursery.Tell(evaluations))
        {
            archive.Add(member);
            Compete();
            if (archive.Count <= options.ArchiveSize) continue;
            archive.RemoveAt(Enumerable.Range(0, archive.Count).Reverse().MinBy(p => fitness[p]));
            Compete();
        }
    }

    /// <summary>The best point told, by loss plus penalty over the common records.</summary>
    public IReadOnlyList<double[]> Recommend() => [nursery.Best];

    private void Compete()
    {
        capacities = Niches.Capacities([.. archive.Select(member => member.Scores)], options.CompetitionExponent);
        fitness = [.. archive.Select(member => Niches.Fitness(member.Scores, capacities))];
    }

    private double[] Breed()
    {
        var first = Roulette.Draw(fitness, random);
        var second = options.Variation.Crossover && archive.Count > 1 ? Mate(first) : first;
        return options.Variation.Child(archive[first].Point, archive[second].Point, random);
    }

    private int Mate(int first)
    {
        if (options.Attraction)
        {
            double[] attraction = [.. archive.Select(mate => Niches.Attraction(archive[first].Scores, mate.Scores, capacities))];
            if (attraction.Any(value => value > 0)) return Roulette.Draw(attraction, random);
        }

        var others = Enumerable.Range(0, archive.Count).Where(p => p != first).ToArray();
        return others[Roulette.Draw([.. others.Select(p => fitness[p])], random)];
    }
}
