using Cuvee.Numerics;

namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// Covariance matrix adaptation evolution strategy with active update (Hansen, arXiv 1604.00772) and pycma 4.4's defaults. Reads only the
/// objective; leaves the choice of records to the caller. One Ask/Tell pair is one generation.
/// </summary>
public sealed class CmaEsOptimizer : IOptimizer
{
    private readonly CmaEsOptions options;
    private readonly BoxTransform? transform;
    private readonly CmaEsState state;
    private readonly double[][] whiteSamples; // z ~ N(0, I), [PopulationSize][N]
    private readonly double[][] steps; // y = B D z, [PopulationSize][N]
    private readonly double[] weightedStep; // [N], scratch
    private readonly double[] weightedWhite; // [N], scratch
    private readonly SeededRandom random;
    private double[][]? asked; // points inside the bounds, [PopulationSize][N]; null when nothing awaits Tell

    /// <param name="start">Centre of the first generation, [N], inside the bounds.</param>
    /// <exception cref="ArgumentException">Empty or not finite start, start outside the bounds, or a setting out of range.</exception>
    public CmaEsOptimizer(IReadOnlyList<double> start, CmaEsOptions options)
    {
        if (start.Count == 0 || !start.All(double.IsFinite))
            throw new ArgumentException("CMA-ES needs a start of at least one coordinate, all finite.");
        if (!(options.InitialStepSize > 0) || !double.IsFinite(options.InitialStepSize))
            throw new ArgumentException($"InitialStepSize of CMA-ES is {options.InitialStepSize}; give a number above 0.");
        options.Bounds?.RequireStart(start);
        this.options = options;
        Parameters = new CmaEsParameters(start.Count, options.PopulationSize, options.ActiveUpdate, options.Separable);
        transform = options.Bounds is { } bounds ? new BoxTransform(bounds) : null;
        double[] mean = [.. start];
        transform?.ToUnbounded([.. start], mean);
        ICovariance covariance = options.Separable ? new DiagonalCovariance(mean.Length) : new FullCovariance(mean.Length);
        state = new CmaEsState(mean, options.InitialStepSize, covariance);
        random = new SeededRandom(options.Seed);
        whiteSamples = NewPopulation();
        steps = NewPopulation();
        weightedStep = new double[Dimension];
        weightedWhite = new double[Dimension];
    }

    public string Name => options.Separable ? "sep-cma-es" : "cma-es";

    public CmaEsParameters Parameters { get; }

    public int Dimension => Parameters.Dimension;

    public int Iteration => state.Generation;

    /// <summary>Step size of the whole distribution, in units of the search space.</summary>
    public double Sigma => state.Sigma;

    /// <summary>Lowest objective told so far; infinite before the first finite one. Comparable only if the records were.</summary>
    public double BestObjective => state.BestObjective;

    public IReadOnlyDictionary<string, double> StopReasons => CmaEsStopCriteria.Evaluate(state, Parameters, options);

    public IReadOnlyList<Trial> Ask()
    {
        if (asked is not null) throw new InvalidOperationException("CMA-ES was asked twice; Tell the evaluations of the last Ask first.");
        asked = NewPopulation();
        for (var k = 0; k < asked.Length; k++)
        {
            for (var i = 0; i < Dimension; i++) whiteSamples[k][i] = random.NextGaussian();
            state.Covariance.Scale(whiteSamples[k], steps[k]);
            state.Mean.CopyTo(asked[k], 0);
            DoubleVectors.AddScaled(state.Sigma, steps[k], asked[k]); // x = m + sigma y, eq. (40)
            transform?.ToBounded(asked[k], asked[k]);
        }

        return [.. asked.Select(point => new Trial([.. point]))];
    }

    public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
    {
        if (asked is null) throw new InvalidOperationException("CMA-ES was told before it was asked; call Ask first.");
        if (evaluations.Count != asked.Length)
            throw new ArgumentException(
                $"CMA-ES asked {asked.Length} points, was told {evaluations.Count} evaluations; give one a point, in order.");
        var objectives = evaluations.Select(e => double.IsFinite(e.Objective) ? e.Objective : double.PositiveInfinity).ToArray();
        var order = Enumerable.Range(0, objectives.Length).OrderBy(k => objectives[k]).ToArray(); // stable: ties keep the order of Ask
        Record(objectives, order);
        MoveMean(order);
        var stalledPath = UpdatePaths();
        UpdateCovariance(order, stalledPath);
        var pathLength = Math.Sqrt(SquaredNorm(state.PathSigma));
        // eq. (44); the exponent is capped at 1 as in pycma
        state.Sigma *= Math.Exp(Math.Min(1, Parameters.CSigma / Parameters.DSigma * ((pathLength / Parameters.ChiN) - 1)));
        if (state.Generation - state.FactorizedGeneration >= Parameters.EigenGap)
        {
            state.Covariance.Factorize();
            state.FactorizedGeneration = state.Generation;
        }

        asked = null;
    }

    /// <summary>The best sample ever told, then the distribution mean; the mean alone before the first finite objective.</summary>
    public IReadOnlyList<double[]> Recommend()
    {
        double[] mean = [.. state.Mean];
        transform?.ToBounded(mean, mean);
        return state.BestPoint is null ? [mean] : [[.. state.BestPoint], mean];
    }

    private double[][] NewPopulation() => [.. Enumerable.Range(0, Parameters.PopulationSize).Select(_ => new double[Dimension])];

    private void Record(double[] objectives, int[] order)
    {
        var best = objectives[order[0]];
        var worst = objectives[order[^1]];
        if (best < state.BestObjective)
        {
            state.BestObjective = best;
            state.BestPoint = [.. asked![order[0]]];
        }

        state.LastRange = double.IsFinite(worst) ? worst - best : double.PositiveInfinity;
        state.FlatGenerations = best == worst ? state.FlatGenerations + 1 : 0;
        if (state.BestHistory.Count == CmaEsStopCriteria.MaxHistory)
        {
            state.BestHistory.RemoveAt(0);
            state.MedianHistory.RemoveAt(0);
        }

        state.BestHistory.Add(best);
        state.MedianHistory.Add(objectives[order[order.Length / 2]]);
        state.Generation++;
    }

    private void MoveMean(int[] order)
    {
        Array.Clear(weightedStep);
        Array.Clear(weightedWhite);
        for (var rank = 0; rank < Parameters.Mu; rank++)
        {
            DoubleVectors.AddScaled(Parameters.Weights[rank], steps[order[rank]], weightedStep); // eq. (41)
            DoubleVectors.AddScaled(Parameters.Weights[rank], whiteSamples[order[rank]], weightedWhite);
        }

        DoubleVectors.AddScaled(state.Sigma, weightedStep, state.Mean); // eq. (42)
    }

    /// <summary>Returns true while the covariance path is held back because the step-size path is too long (h_sigma = 0).</summary>
    private bool UpdatePaths()
    {
        var p = Parameters;
        var whitenedMean = new double[Dimension];
        state.Covariance.Rotate(weightedWhite, whitenedMean); // C^-1/2 <y>_w = B <z>_w
        DoubleVectors.Scale(1 - p.CSigma, state.PathSigma);
        DoubleVectors.AddScaled(Math.Sqrt(p.CSigma * (2 - p.CSigma) * p.MuEff), whitenedMean, state.PathSigma); // eq. (43)

        var bias = 1 - Math.Pow(1 - p.CSigma, 2 * state.Generation);
        var stalled = SquaredNorm(state.PathSigma) / Dimension / bias >= 2 + (4.0 / (Dimension + 1));
        DoubleVectors.Scale(1 - p.CC, state.PathC);
        if (!stalled) DoubleVectors.AddScaled(Math.Sqrt(p.CC * (2 - p.CC) * p.MuEff), weightedStep, state.PathC); // eq. (45)
        return stalled;
    }

    private void UpdateCovariance(int[] order, bool stalledPath)
    {
        var p = Parameters;
        var weights = new double[p.PopulationSize + 1];
        var vectors = new double[p.PopulationSize + 1][];
        weights[0] = p.C1;
        vectors[0] = state.PathC;
        double weightSum = 0;
        for (var rank = 0; rank < p.PopulationSize; rank++)
        {
            var weight = p.Weights[rank];
            weightSum += weight;
            // eq. (46): a negative step counts with length sqrt(N), measured by C, so that C stays positive definite; |C^-1/2 y| = |z|
            if (weight < 0) weight *= Dimension / (SquaredNorm(whiteSamples[order[rank]]) + 1e-300);
            weights[rank + 1] = p.CMu * weight;
            vectors[rank + 1] = steps[order[rank]];
        }

        var stallCorrection = stalledPath ? p.C1 * p.CC * (2 - p.CC) : 0;
        state.Covariance.Update(1 + stallCorrection - p.C1 - (p.CMu * weightSum), weights, vectors); // eq. (47)
    }

    /// <summary>In the order of the elements: a sum in lanes (<see cref="DoubleVectors.SumOfSquares"/>) has other last bits, and
    /// published runs these.</summary>
    private static double SquaredNorm(double[] x)
    {
        double sum = 0;
        foreach (var value in x) sum += value * value;
        return sum;
    }
}
