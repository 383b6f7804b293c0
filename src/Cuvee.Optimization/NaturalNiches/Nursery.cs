namespace Cuvee.Optimization.NaturalNiches;

/// <summary>A told point.</summary>
/// <param name="Scores">[data points]; all 0 where the objective was not finite.</param>
internal sealed record Member(double[] Point, double[] Scores);

/// <summary>What optimizers by parents and children have in common: starts, order of asking and telling, best point told.</summary>
internal sealed class Nursery
{
    private readonly string name;
    private readonly IReadOnlyList<int> records;
    private readonly Func<double, double> score;
    private double[][] starts; // [starts][N]
    private Screening? screening; // still to come
    private bool hasBegun; // the starts are told
    private double[][]? asked;
    private double[]? bestPoint;
    private double bestObjective = double.PositiveInfinity;

    public Nursery(
        string name, IReadOnlyList<IReadOnlyList<double>> starts, IReadOnlyList<int> records, Func<double, double> score,
        Screening? screening = null)
    {
        if (starts.Count == 0 || starts[0].Count == 0 || starts.Any(start => start.Count != starts[0].Count))
            throw new ArgumentException($"{name} needs at least one start, each of the same number of coordinates, at least one.");
        if (records.Count == 0) throw new ArgumentException($"{name} needs at least one record.");
        if (screening is { Keep: < 1 } or { Records.Count: 0 })
            throw new ArgumentException($"{name} screens its starts; keep at least one, by at least one record.");
        this.name = name;
        this.starts = [.. starts.Select(start => start.ToArray())];
        (this.records, this.score) = ([.. records], score);
        this.screening = screening?.Keep < starts.Count ? screening : null;
    }

    public int Dimension => starts[0].Length;

    public int Iteration { get; private set; }

    /// <summary>The best point told; the first start before a finite objective.</summary>
    public double[] Best => [.. bestPoint ?? starts[0]];

    /// <summary>
    /// The starts first, before them all that are screened, then what <paramref name="breed"/> makes, <paramref name="children"/> times.
    /// </summary>
    public IReadOnlyList<Trial> Ask(int children, Func<double[]> breed)
    {
        if (asked is not null) throw new InvalidOperationException($"{name} was asked twice; Tell the evaluations of the last Ask first.");
        asked = hasBegun ? [.. Enumerable.Range(0, children).Select(_ => breed())] : starts;
        return [.. asked.Select(point => new Trial([.. point], screening?.Records ?? records))];
    }

    /// <returns>In the order of asking; none where starts were screened.</returns>
    public IReadOnlyList<Member> Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException($"{name} was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Length)
        {
            throw new ArgumentException(
                $"{name} asked {asked.Length} points, was told {evaluations.Count} evaluations; give one a point, in order.");
        }

        List<Member> told = [];
        if (screening is null)
        {
            told = [.. asked.Zip(evaluations, ToMember)];
            hasBegun = true;
        }
        else
        {
            var ranked = Enumerable.Range(0, starts.Length).OrderBy(i => Finite(evaluations[i].Objective));
            starts = [.. ranked.Take(screening.Keep).Order().Select(i => starts[i])];
            screening = null;
        }

        Iteration++;
        asked = null;
        return told;
    }

    private static double Finite(double objective) => double.IsFinite(objective) ? objective : double.PositiveInfinity;

    private Member ToMember(double[] point, TrialEvaluation evaluation)
    {
        if (evaluation.RecordLosses.Count != records.Count)
        {
            throw new ArgumentException(
                $"{name} reads the loss of each of {records.Count} records, was told {evaluation.RecordLosses.Count}; give one a record.");
        }

        if (!double.IsFinite(evaluation.Objective)) return new Member(point, new double[records.Count]);
        if (evaluation.Objective < bestObjective) (bestObjective, bestPoint) = (evaluation.Objective, point);
        return new Member(point, [.. evaluation.RecordLosses.Select(loss => double.IsFinite(loss) ? score(loss) : 0)]);
    }
}
