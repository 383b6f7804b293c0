using Cuvee.Numerics;

namespace Cuvee.Optimization.FisherProbing;

/// <summary>
/// What the probes say about the loss: every probed answer token is a logistic regression, log p = -log(1 + e^-z) with its log-odds z =
/// log p - log(1 - p) linear in the weights. A token whose probability nears 1 then stops pulling, and its curvature p (1 - p) J'J is the
/// Fisher information of "answered or not": a sum of log-probabilities extrapolated in a straight line knows neither. The batches of
/// earlier rounds count on, each around the point where it was probed, with weights that fade.
/// </summary>
/// <param name="memory">Factor on a batch's weight from round to round, in [0, 1).</param>
internal sealed class LogisticModel(int dimension, double memory)
{
    private const double FaintestBatch = 0.05; // of the newest one's weight: older ones are forgotten
    private const int NewtonSteps = 25;
    private const double NewtonTolerance = 1e-9; // nats per token

    private readonly List<Batch> batches = []; // oldest first

    /// <summary>False before the first round and where no probe of the last one changed anything.</summary>
    public bool HasDirection => batches.Count > 0 && batches[^1].Rows.Exists(row => row.Slopes.Any(slope => slope != 0));

    /// <param name="point">Where the rows were probed, [n].</param>
    /// <param name="rows">Without any, the model keeps what it has.</param>
    public void Add(ReadOnlySpan<double> point, List<ProbedToken> rows)
    {
        if (rows.Count == 0) return;
        foreach (var batch in batches) batch.Weight *= memory;
        batches.RemoveAll(batch => batch.Weight < FaintestBatch);
        var offsets = new double[rows.Count];
        for (var t = 0; t < offsets.Length; t++) offsets[t] = rows[t].LogOdds - DoubleVectors.Dot(rows[t].Slopes, point);
        batches.Add(new Batch(rows, offsets));
    }

    /// <summary>
    /// Minimises the model's mean loss plus <paramref name="damping"/> / 2 times the squared distance from <paramref name="point"/>, in
    /// units of the mean curvature of the last batch, inside the box: Newton's method with coordinates held at bounds that they push
    /// against.
    /// </summary>
    /// <param name="free">Coordinates that may move, rising; the last batch probed them.</param>
    /// <returns>[n]</returns>
    public double[] Minimum(ReadOnlySpan<double> point, double damping, BoxBounds bounds, ReadOnlySpan<int> free)
    {
        var ridge = damping * MeanCurvature(free.Length);
        var fixedOnes = new bool[dimension];
        fixedOnes.AsSpan().Fill(true);
        foreach (var i in free) fixedOnes[i] = false;
        double[] start = [.. point], x = [.. point];
        var loss = Loss(x, start, ridge);
        for (var step = 0; step < NewtonSteps; step++)
        {
            var (gradient, hessian) = DerivativesAt(x, start, ridge);
            if (NewtonStep(x, gradient, hessian, bounds, fixedOnes) is not { } direction) break;
            var (length, before) = (1.0, loss);
            double[] candidate;
            while (true)
            {
                candidate = Moved(x, direction, length, bounds);
                loss = Loss(candidate, start, ridge);
                if (loss < before || length < 1e-4) break;
                length /= 2;
            }

            if (!(loss < before)) break;
            x = candidate;
            if (before - loss < NewtonTolerance) break;
        }

        return x;
    }

    private static double[] Moved(double[] x, double[] direction, double length, BoxBounds bounds)
    {
        var moved = new double[x.Length];
        for (var i = 0; i < x.Length; i++) moved[i] = x[i] + (length * direction[i]);
        bounds.Clip(moved);
        return moved;
    }

    /// <summary>Of a coordinate, over the tokens of the last batch where they were probed.</summary>
    private double MeanCurvature(int probed)
    {
        var sum = 0.0;
        foreach (var row in batches[^1].Rows)
        {
            var p = Sigmoid(row.LogOdds);
            sum += row.Weight * p * (1 - p) * DoubleVectors.SumOfSquares(row.Slopes);
        }

        return Math.Max(sum / batches[^1].Rows.Sum(row => row.Weight) / probed, 1e-12);
    }

    private double Loss(double[] x, double[] start, double ridge)
    {
        double sum = 0, mass = 0;
        foreach (var batch in batches)
        {
            for (var t = 0; t < batch.Offsets.Length; t++)
                sum += batch.WeightOf(t) * Softplus(-(batch.Offsets[t] + DoubleVectors.Dot(batch.Rows[t].Slopes, x)));
            mass += batch.Mass;
        }

        return (sum / mass) + (0.5 * ridge * SquaredDistance(x, start));
    }

    private (double[] Gradient, double[] Hessian) DerivativesAt(double[] x, double[] start, double ridge)
    {
        var n = dimension;
        var (gradient, hessian) = (new double[n], new double[n * n]); // [n], [n, n]: both triangles
        var mass = batches.Sum(batch => batch.Mass);
        foreach (var batch in batches)
        {
            for (var t = 0; t < batch.Offsets.Length; t++)
            {
                var slopes = batch.Rows[t].Slopes;
                var p = Sigmoid(batch.Offsets[t] + DoubleVectors.Dot(slopes, x));
                DoubleVectors.AddScaled(-batch.WeightOf(t) / mass * (1 - p), slopes, gradient);
                var curvature = batch.WeightOf(t) / mass * p * (1 - p);
                for (var i = 0; i < n; i++) DoubleVectors.AddScaled(curvature * slopes[i], slopes, hessian.AsSpan(i * n, n));
            }
        }

        for (var i = 0; i < n; i++)
        {
            gradient[i] += ridge * (x[i] - start[i]);
            hessian[(i * n) + i] += ridge;
        }

        return (gradient, hessian);
    }

    /// <summary>-H^-1 g over the coordinates that are free; null where the gradient vanishes.</summary>
    private double[]? NewtonStep(double[] x, double[] gradient, double[] hessian, BoxBounds bounds, bool[] fixedOnes)
    {
        var n = dimension;
        var held = new bool[n];
        for (var i = 0; i < n; i++)
        {
            held[i] = fixedOnes[i] || (x[i] >= bounds.Upper[i] && gradient[i] < 0) || (x[i] <= bounds.Lower[i] && gradient[i] > 0);
        }

        var trace = Enumerable.Range(0, n).Sum(i => hessian[(i * n) + i]);
        if (!(trace > 0)) return null;
        for (var added = 1e-12 * trace / n; ; added *= 10)
        {
            var system = new double[n * n];
            var step = new double[n];
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) system[(i * n) + j] = held[i] || held[j] ? 0 : hessian[(i * n) + j];
                system[(i * n) + i] = held[i] ? 1 : system[(i * n) + i] + added;
                step[i] = held[i] ? 0 : -gradient[i];
            }

            if (CholeskySolver.TrySolve(system, step)) return step;
        }
    }

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));

    private static double Softplus(double z) => Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z)));

    private static double SquaredDistance(double[] x, double[] y)
    {
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
        return sum;
    }

    /// <param name="rows">[tokens]</param>
    /// <param name="offsets">[tokens]: log-odds where all weights are 0, as the rows extrapolate.</param>
    private sealed class Batch(List<ProbedToken> rows, double[] offsets)
    {
        private readonly double total = rows.Sum(row => row.Weight);

        public List<ProbedToken> Rows => rows;

        public double[] Offsets => offsets;

        public double Weight { get; set; } = 1;

        public double Mass => Weight * total;

        public double WeightOf(int token) => Weight * rows[token].Weight;
    }
}

/// <summary>One answer token around the point where it was probed.</summary>
/// <param name="LogOdds">z = log p - log(1 - p).</param>
/// <param name="Slopes">dz / dw_i, [n].</param>
/// <param name="Weight">In the mean over tokens, above 0.</param>
internal sealed record ProbedToken(double LogOdds, double[] Slopes, double Weight)
{
    private const double LargestLogProbability = -1e-6; // nearer to 1 a probability in fp32 has no digits left

    public static double LogOddsOf(double logProbability)
    {
        var value = Math.Min(logProbability, LargestLogProbability);
        return value - Math.Log(1 - Math.Exp(value));
    }
}
