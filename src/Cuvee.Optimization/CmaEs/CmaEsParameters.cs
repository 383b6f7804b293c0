namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// Strategy constants of one run: functions of dimension and population size only. Equation numbers are those of Hansen's tutorial
/// (arXiv 1604.00772); where pycma 4.4 departs from it, pycma is followed and the line says so.
/// </summary>
public sealed class CmaEsParameters
{
    /// <param name="dimension">N, at least 1.</param>
    /// <param name="populationSize">lambda, at least 4; null for 4 + floor(3 ln N), eq. (48).</param>
    /// <param name="activeUpdate">Negative weights for the worse half; otherwise they are 0.</param>
    /// <param name="separable">Learning rates of the diagonal update.</param>
    /// <exception cref="ArgumentOutOfRangeException">Dimension or population too small.</exception>
    public CmaEsParameters(int dimension, int? populationSize = null, bool activeUpdate = true, bool separable = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(populationSize ?? 4, 4, nameof(populationSize));
        double n = dimension;
        Dimension = dimension;
        PopulationSize = populationSize ?? 4 + (int)(3 * Math.Log(n));

        var raw = new double[PopulationSize]; // eq. (49)
        for (var i = 0; i < raw.Length; i++) raw[i] = Math.Log((PopulationSize + 1) / 2.0) - Math.Log(i + 1);
        Mu = PopulationSize / 2;
        MuEff = EffectiveCount(raw.AsSpan(0, Mu)); // eq. (8)
        var muEffMinus = EffectiveCount(raw.AsSpan(Mu)); // the same of the worse half

        // tutorial: + 5 in the denominator of CSigma, eq. (55); pycma: + 3
        CSigma = (MuEff + 2) / (n + MuEff + 3);
        DSigma = 1 + (2 * Math.Max(0, Math.Sqrt((MuEff - 1) / (n + 1)) - 1)) + CSigma;
        CC = (4 + (MuEff / n)) / (n + 4 + (2 * MuEff / n)); // eq. (56)
        var fewSamples = Math.Min(1, PopulationSize / 6.0); // pycma: slower rank-one learning below 6 samples
        C1 = fewSamples * 2 / (Math.Pow(n + 1.3, 2) + MuEff); // eq. (57)
        CMu = Math.Min(1 - C1, 2 * (0.25 + MuEff + (1 / MuEff) - 2) / (Math.Pow(n + 2, 2) + MuEff)); // eq. (58)
        if (separable)
        {
            var speedUp = (n + 2) / 3; // Ros and Hansen, PPSN 2008, section 3.2: N instead of N^2 / 2 numbers to learn
            C1 = Math.Min(0.5, C1 * speedUp);
            CMu = Math.Min(1 - C1, CMu * speedUp);
        }

        Weights = Normalize(raw, activeUpdate, muEffMinus);
        ChiN = Math.Sqrt(n) * (1 - (1 / (4 * n)) + (1 / (21 * n * n)));
        EigenGap = Math.Max(1, (int)Math.Ceiling(0.5 / ((C1 + CMu) * n)));
    }

    public int Dimension { get; }

    /// <summary>lambda.</summary>
    public int PopulationSize { get; }

    /// <summary>Samples with positive weight.</summary>
    public int Mu { get; }

    /// <summary>w_1 .. w_lambda, best first: the first <see cref="Mu"/> sum to 1, the rest are at most 0. [PopulationSize]</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>Variance effective selection mass of the positive weights.</summary>
    public double MuEff { get; }

    /// <summary>c_sigma, learning rate of the step-size path.</summary>
    public double CSigma { get; }

    /// <summary>d_sigma, damping of the step size.</summary>
    public double DSigma { get; }

    /// <summary>c_c, learning rate of the covariance path.</summary>
    public double CC { get; }

    /// <summary>c_1, learning rate of the rank-one update.</summary>
    public double C1 { get; }

    /// <summary>c_mu, learning rate of the rank-mu update.</summary>
    public double CMu { get; }

    /// <summary>Expected length of a standard normal vector.</summary>
    public double ChiN { get; }

    /// <summary>Generations between eigendecompositions, at least 1 (pycma's lazy update: amortised quadratic cost a sample).</summary>
    public int EigenGap { get; }

    /// <summary>Eqs. (50) to (53): positive weights sum to 1, negative ones to the smallest of three limits.</summary>
    private double[] Normalize(double[] raw, bool activeUpdate, double muEffMinus)
    {
        var positiveSum = raw.Where(weight => weight > 0).Sum();
        var negativeSum = -raw.Where(weight => weight < 0).Sum();
        var negativeTotal = Math.Min(
            1 + (C1 / CMu),
            Math.Min(1 + (2 * muEffMinus / (MuEff + 2)), (1 - C1 - CMu) / (Dimension * CMu)));
        if (!activeUpdate) negativeTotal = 0;
        return [.. raw.Select(weight => weight >= 0 ? weight / positiveSum : weight * Math.Max(0, negativeTotal) / negativeSum)];
    }

    private static double EffectiveCount(ReadOnlySpan<double> weights)
    {
        double sum = 0, squares = 0;
        foreach (var weight in weights)
        {
            sum += weight;
            squares += weight * weight;
        }

        return sum * sum / squares;
    }
}
