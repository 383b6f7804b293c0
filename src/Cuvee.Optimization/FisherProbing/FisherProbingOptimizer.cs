using Cuvee.Numerics;

namespace Cuvee.Optimization.FisherProbing;

/// <summary>
/// Newton steps from queries alone (Cuvee's own method; docs/optimizers.md). A round is two Ask/Tell pairs: probes (one small step per
/// coordinate on a few drawn records; in a first round with <see cref="FisherProbingOptions.FirstAlone"/>, each coordinate alone) give
/// the slope of every answer token's log-odds, hence a logistic model of the loss with its Fisher
/// matrix; then its minima under several dampings are compared on a fixed set of records. Wants <see
/// cref="TrialEvaluation.TokenLogProbabilities"/>. The penalty counts when steps are compared, not in their direction.
/// </summary>
public sealed class FisherProbingOptimizer : IOptimizer
{
    private const double MinDamping = 1e-8;
    private const double MaxDamping = 1e12;
    private const int AveragedPoints = 3;

    private readonly FisherProbingOptions options;
    private readonly BoxBounds bounds;
    private readonly RecordSampler sampler;
    private readonly int[] lineSearchRecords; // ascending; the same for the whole run
    private readonly LogisticModel model;
    private readonly Dictionary<int, float[]> known = []; // log-probabilities at the current point by record, [tokens]
    private readonly List<double> lossHistory = []; // line-search objective after each round
    private readonly List<double[]> acceptedPoints = []; // the last few, newest last, [AveragedPoints][n]
    private double[] point; // w, [n]
    private readonly SeededRandom turns; // which coordinates are probed beside the strongest
    private int[] probeRecords; // of the coming or pending round
    private int[] probed; // coordinates of the coming or pending round, rising; the others keep their weights
    private double? currentObjective; // at the point, on the line-search records
    private double damping; // mu
    private double lastLargestStep = double.PositiveInfinity;
    private bool lineSearching;
    private bool isGradientZero;
    private List<Trial>? asked;

    /// <param name="start">First point, [n], inside the bounds; usually 1/n everywhere.</param>
    /// <exception cref="ArgumentException">Empty start, start outside the bounds, or a setting out of range.</exception>
    public FisherProbingOptimizer(IReadOnlyList<double> start, FisherProbingOptions options)
    {
        options.Validate();
        if (start.Count == 0) throw new ArgumentException("Fisher probing needs a start of at least one coordinate.");
        bounds = options.Bounds ?? BoxBounds.Uniform(start.Count, -1.5, 1.5);
        bounds.RequireStart(start);
        var narrowest = bounds.Upper.Zip(bounds.Lower, (upper, lower) => upper - lower).Min();
        if (options.ProbeStep >= narrowest / 2)
        {
            throw new ArgumentException(
                $"ProbeStep of Fisher probing is {options.ProbeStep}; give a number below {narrowest / 2}, half the narrowest bounds.");
        }

        if (options.FirstAlone.Count > 0 && (bounds.Lower.Any(low => low > 0) || bounds.Upper.Any(high => high < 1)))
            throw new ArgumentException("FirstAlone of Fisher probing asks at 0 and at 1, which the bounds leave out; widen them.");
        this.options = options;
        point = [.. start];
        acceptedPoints.Add([.. point]);
        damping = options.InitialDamping;
        model = new LogisticModel(point.Length, options.Memory);
        var fixedSet = new RecordSampler(options.RecordCount, SeededRandom.Derive(options.Seed, "fisher-probing line search"));
        lineSearchRecords = fixedSet.Draw(options.LineSearchRecords);
        sampler = new RecordSampler(options.RecordCount, SeededRandom.Derive(options.Seed, "fisher-probing probes"));
        probeRecords = sampler.Draw(options.ProbeRecords);
        probed = [.. Enumerable.Range(0, point.Length)];
        turns = SeededRandom.Derive(options.Seed, "fisher-probing coordinates");
    }

    public string Name => "fisher-probing";

    public int Dimension => point.Length;

    /// <summary>Tells so far: two a round.</summary>
    public int Iteration => (2 * Round) + (lineSearching ? 1 : 0);

    /// <summary>Rounds completed.</summary>
    public int Round { get; private set; }

    public IReadOnlyDictionary<string, double> StopReasons
    {
        get
        {
            var reasons = new Dictionary<string, double>();
            if (Round == 0 || lineSearching) return reasons;
            if (Round >= options.MaxRounds) reasons["maxiter"] = options.MaxRounds.Value;
            if (lastLargestStep < options.TolX) reasons["tolx"] = options.TolX.Value;
            if (isGradientZero) reasons["zerogradient"] = Round;
            if (options.TolImprovement is { } tolerance && lossHistory.Count > options.StagnationRounds)
            {
                var before = lossHistory[^(options.StagnationRounds + 1)];
                if (before - lossHistory[^1] < tolerance * Math.Abs(before)) reasons["stagnation"] = tolerance;
            }

            return reasons;
        }
    }

    public IReadOnlyList<Trial> Ask()
    {
        if (asked is not null)
            throw new InvalidOperationException("Fisher probing was asked twice; Tell the evaluations of the last Ask first.");
        asked = lineSearching ? LineSearchTrials() : ProbeTrials();
        return asked;
    }

    /// <exception cref="InvalidOperationException">Not asked, or a probe came without usable log-probabilities.</exception>
    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException("Fisher probing was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Count)
        {
            throw new ArgumentException(
                $"Fisher probing asked {asked.Count} trials, was told {evaluations.Count} evaluations; give one a trial, in order.");
        }

        if (lineSearching) TellLineSearch(evaluations);
        else TellProbes(evaluations);
        asked = null;
    }

    /// <summary>
    /// The current point, which is the best on the line-search records; then the mean of the last accepted points, if another.
    /// </summary>
    public IReadOnlyList<double[]> Recommend()
    {
        if (acceptedPoints.Count == 1) return [[.. point]];
        var mean = new double[Dimension];
        foreach (var accepted in acceptedPoints)
        {
            for (var i = 0; i < mean.Length; i++) mean[i] += accepted[i] / acceptedPoints.Count;
        }

        bounds.Clip(mean);
        return [[.. point], mean];
    }

    private bool ProbesAlone => Round == 0 && options.FirstAlone.Count > 0;

    /// <summary>Where the round's differences start, on which records, and their step in each coordinate, [n].</summary>
    private (double[] Center, int[] Records, double[] Steps) Probes() => ProbesAlone
        ? (new double[Dimension], [.. options.FirstAlone], [.. Enumerable.Repeat(1.0, Dimension)]) // secants: coarse, whatever the start
        : (point, probeRecords, ProbeSteps());

    private List<Trial> ProbeTrials()
    {
        var (center, records, steps) = Probes();
        var trials = new List<Trial>();
        int[] unknown = [.. records.Where(record => !known.ContainsKey(record))];
        if (unknown.Length > 0) trials.Add(new Trial([.. center], unknown));
        foreach (var i in probed)
        {
            double[] probe = [.. center];
            probe[i] += steps[i];
            trials.Add(new Trial(probe, records));
        }

        return trials;
    }

    /// <summary>
    /// h, forwards and backwards in turns from round to round, which takes the bias of one-sided differences out of the sum of rounds; the
    /// other way where that step would leave the box. The step as it is in floating point, so that differences are exact.
    /// </summary>
    private double[] ProbeSteps()
    {
        var steps = new double[Dimension];
        for (var i = 0; i < steps.Length; i++)
        {
            var step = Round % 2 == 0 ? options.ProbeStep : -options.ProbeStep;
            if (point[i] + step > bounds.Upper[i] || point[i] + step < bounds.Lower[i]) step = -step;
            steps[i] = point[i] + step - point[i];
        }

        return steps;
    }

    private void TellProbes(IReadOnlyList<TrialEvaluation> evaluations)
    {
        var (center, records, steps) = Probes();
        var hasBase = evaluations.Count > probed.Length;
        if (hasBase) Remember(evaluations[0], asked![0].Records!);
        var probes = evaluations.Skip(hasBase ? 1 : 0).ToArray();
        model.Add(center, ProbeJacobian.Assemble(known, records, probes, probed, steps, options.CountsRecordsAlike));
        if (ProbesAlone) known.Clear(); // it told of the point 0
        lineSearching = true;
    }

    private List<Trial> LineSearchTrials()
    {
        var trials = new List<Trial>();
        var hasDirection = model.HasDirection;
        if (currentObjective is null || !hasDirection) trials.Add(new Trial([.. point], lineSearchRecords));
        if (!hasDirection) return trials;
        foreach (var multiplier in options.DampingMultipliers)
            trials.Add(new Trial(model.Minimum(point, damping * multiplier, bounds, probed), lineSearchRecords));
        return trials;
    }

    private void TellLineSearch(IReadOnlyList<TrialEvaluation> evaluations)
    {
        isGradientZero = !model.HasDirection;
        var first = currentObjective is null || isGradientZero ? 1 : 0;
        if (first == 1)
        {
            currentObjective = Finite(evaluations[0].Objective);
            if (evaluations[0].TokenLogProbabilities is not null) Remember(evaluations[0], lineSearchRecords);
        }

        var best = -1;
        for (var k = first; k < evaluations.Count; k++)
        {
            if (Finite(evaluations[k].Objective) < (best < 0 ? currentObjective : evaluations[best].Objective)) best = k;
        }

        if (best >= 0) Accept(asked![best].Point, evaluations[best], options.DampingMultipliers[best - first]);
        else Reject(first);
        lossHistory.Add(currentObjective!.Value);
        Round++;
        lineSearching = false;
        var probeCount = Math.Min(options.RecordCount, options.ProbeRecords * Math.Pow(options.ProbeGrowth, Round));
        probeRecords = sampler.Draw((int)Math.Round(probeCount));
        if (options.ProbedCoordinates is { } count && count < Dimension) probed = DrawProbed(count);
    }

    /// <summary>Half of them those of the largest weights; the others are drawn, so that all have their turn.</summary>
    private int[] DrawProbed(int count)
    {
        var byWeight = Enumerable.Range(0, Dimension).OrderByDescending(i => Math.Abs(point[i])).ToArray();
        var strongest = (count + 1) / 2;
        turns.Shuffle(byWeight.AsSpan(strongest));
        return [.. byWeight.Take(count).Order()];
    }

    private void Accept(double[] candidate, TrialEvaluation evaluation, double multiplier)
    {
        point = [.. candidate];
        currentObjective = evaluation.Objective;
        lastLargestStep = double.PositiveInfinity;
        damping = Math.Clamp(damping * multiplier, MinDamping, MaxDamping);
        acceptedPoints.Add([.. candidate]);
        if (acceptedPoints.Count > AveragedPoints) acceptedPoints.RemoveAt(0);
        known.Clear();
        if (evaluation.TokenLogProbabilities is not null) Remember(evaluation, lineSearchRecords);
    }

    private void Reject(int first)
    {
        lastLargestStep = asked!.Skip(first).Select(LargestChange).DefaultIfEmpty(double.PositiveInfinity).Max();
        damping = Math.Min(damping * options.DampingGrowth, MaxDamping);
    }

    private double LargestChange(Trial trial) => trial.Point.Zip(point, (a, b) => Math.Abs(a - b)).Max();

    private void Remember(TrialEvaluation evaluation, IReadOnlyList<int> records)
    {
        var tokens = ProbeJacobian.RequireTokens(evaluation, records);
        for (var r = 0; r < records.Count; r++) known[records[r]] = [.. tokens[r]];
    }

    private static double Finite(double objective) => double.IsFinite(objective) ? objective : double.PositiveInfinity;
}
