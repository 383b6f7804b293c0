using Cuvee.Numerics;

namespace Cuvee.Optimization.NaturalNiches;

/// <summary>
/// MAP-Elites (Mouret and Clune, arXiv 1504.04909) with the crossover of <see cref="NaturalNichesOptimizer"/>: one elite a cell of a grid
/// over mean scores of given groups of records, the best by mean score over all records; parents are drawn evenly. The comparator of
/// arXiv 2508.16204: its niches are given by hand. Reads <see cref="TrialEvaluation.RecordLosses"/>. Never stops itself.
/// </summary>
public sealed class MapElitesOptimizer : IOptimizer
{
    private readonly MapElitesOptions options;
    private readonly Nursery nursery;
    private readonly SeededRandom random;
    private readonly SortedDictionary<long, (Member Member, double Quality)> map = []; // by cell
    private readonly int groups;

    /// <param name="starts">[starts][N]; asked first, all at once.</param>
    /// <exception cref="ArgumentException">No start, starts of different lengths, or a setting out of range.</exception>
    public MapElitesOptimizer(IReadOnlyList<IReadOnlyList<double>> starts, MapElitesOptions options)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Bins < 1) throw new ArgumentException($"Bins is {options.Bins}; give at least 1.");
        if (options.InFlight < 1) throw new ArgumentException($"InFlight is {options.InFlight}; give at least 1.");
        nursery = new Nursery("MAP-Elites", starts, options.Records, options.Score);
        options.Variation.Require(nursery.Dimension);
        if (options.Groups.Count != options.Records.Count)
            throw new ArgumentException($"{options.Groups.Count} groups for {options.Records.Count} records; give one a record.");
        groups = options.Groups.Max() + 1;
        if (!options.Groups.Distinct().Order().SequenceEqual(Enumerable.Range(0, groups)))
            throw new ArgumentException($"Groups must be numbered 0 to {groups - 1}, each with a record.");
        if (Math.Pow(options.Bins, groups) > long.MaxValue)
            throw new ArgumentException($"{options.Bins} bins along {groups} axes are too many cells; give fewer bins or groups.");
        this.options = options;
        random = new SeededRandom(options.Seed);
    }

    public string Name => "map-elites";

    public int Dimension => nursery.Dimension;

    public int Iteration => nursery.Iteration;

    public IReadOnlyDictionary<string, double> StopReasons { get; } = new Dictionary<string, double>();

    public IReadOnlyList<Trial> Ask() => nursery.Ask(options.InFlight, Breed);

    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        foreach (var member in nursery.Tell(evaluations))
        {
            var (cell, quality) = (CellOf(member.Scores), member.Scores.Average());
            if (!map.TryGetValue(cell, out var elite) || quality > elite.Quality) map[cell] = (member, quality);
        }
    }

    /// <summary>The best point told, by loss plus penalty over the common records.</summary>
    public IReadOnlyList<double[]> Recommend() => [nursery.Best];

    private double[] Breed()
    {
        Member[] members = [.. map.Values.Select(elite => elite.Member)];
        var first = random.NextInt32(members.Length);
        var second = first;
        if (options.Variation.Crossover && members.Length > 1)
        {
            second = random.NextInt32(members.Length - 1);
            if (second >= first) second++;
        }

        return options.Variation.Child(members[first].Point, members[second].Point, random);
    }

    private long CellOf(double[] scores)
    {
        var (sums, counts) = (new double[groups], new int[groups]);
        for (var j = 0; j < scores.Length; j++)
        {
            sums[options.Groups[j]] += scores[j];
            counts[options.Groups[j]]++;
        }

        long cell = 0;
        for (var g = 0; g < groups; g++)
            cell = (cell * options.Bins) + Math.Clamp((int)(options.Bins * (sums[g] / counts[g])), 0, options.Bins - 1);
        return cell;
    }
}
