namespace Cuvee.Optimization.CmaEs;

/// <summary>Evaluates <see cref="CmaEsTolerances"/> on a state (arXiv 1604.00772, appendix B.3).</summary>
internal static class CmaEsStopCriteria
{
    public const int MaxHistory = 20_000; // generations

    public static Dictionary<string, double> Evaluate(CmaEsState state, CmaEsParameters parameters, CmaEsOptions options)
    {
        var reasons = new Dictionary<string, double>();
        if (state.Generation == 0) return reasons;
        var tolerances = options.Tolerances;
        var n = parameters.Dimension;

        if (state.BestObjective <= tolerances.FTarget) reasons["ftarget"] = tolerances.FTarget.Value;
        var maxIterations = tolerances.MaxIterations is -1
            ? 100 + (int)(150 * Math.Pow(n + 3, 2) / Math.Sqrt(parameters.PopulationSize))
            : tolerances.MaxIterations;
        if (state.Generation >= maxIterations) reasons["maxiter"] = maxIterations.Value;

        var historyLength = 10 + (int)Math.Ceiling(30.0 * n / parameters.PopulationSize);
        var historyRange = state.BestHistory.Count < historyLength ? double.PositiveInfinity : Range(state.BestHistory, historyLength);
        if (historyRange < tolerances.TolFun && state.LastRange < tolerances.TolFun) reasons["tolfun"] = tolerances.TolFun.Value;
        if (historyRange < tolerances.TolFunHist) reasons["tolfunhist"] = tolerances.TolFunHist.Value;
        if (state.FlatGenerations > tolerances.TolFlatFitness) reasons["tolflatfitness"] = tolerances.TolFlatFitness.Value;

        if (tolerances.TolX is { } tolX && LargestStep(state) < tolX) reasons["tolx"] = tolX;
        var (shortest, longest) = AxisRange(state.Covariance.AxisLengths);
        if (tolerances.TolUpSigma is { } tolUpSigma && state.Sigma / options.InitialStepSize > tolUpSigma * longest)
            reasons["tolupsigma"] = tolUpSigma;
        if (tolerances.TolConditionCov is { } tolCondition && longest * longest > tolCondition * shortest * shortest)
            reasons["tolconditioncov"] = tolCondition;
        if (tolerances.NoEffect) AddNoEffect(state, reasons);
        if (tolerances.Stagnation && Stagnates(state, parameters)) reasons["stagnation"] = state.Generation;
        return reasons;
    }

    private static double Range(List<double> history, int length)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        for (var i = history.Count - length; i < history.Count; i++)
        {
            low = Math.Min(low, history[i]);
            high = Math.Max(high, history[i]);
        }

        return double.IsFinite(high) ? high - low : double.PositiveInfinity;
    }

    private static double LargestStep(CmaEsState state)
    {
        double largest = 0;
        for (var i = 0; i < state.Mean.Length; i++)
            largest = Math.Max(largest, Math.Max(Math.Sqrt(state.Covariance.Variance(i)), Math.Abs(state.PathC[i])));
        return state.Sigma * largest;
    }

    private static (double Shortest, double Longest) AxisRange(ReadOnlySpan<double> lengths)
    {
        double shortest = double.PositiveInfinity, longest = 0;
        foreach (var length in lengths)
        {
            shortest = Math.Min(shortest, length);
            longest = Math.Max(longest, length);
        }

        return (shortest, longest);
    }

    private static void AddNoEffect(CmaEsState state, Dictionary<string, double> reasons)
    {
        var n = state.Mean.Length;
        for (var i = 0; i < n; i++)
        {
            var deviation = state.Sigma * Math.Sqrt(state.Covariance.Variance(i));
            if (state.Mean[i] == state.Mean[i] + (0.2 * deviation)) reasons["noeffectcoord"] = i;
        }

        var axis = state.Generation % n; // one axis a generation
        var direction = new double[n];
        state.Covariance.Axis(axis, direction);
        var step = 0.1 * state.Sigma * state.Covariance.AxisLengths[axis];
        var changed = false;
        for (var i = 0; i < n; i++) changed |= state.Mean[i] != state.Mean[i] + (step * direction[i]);
        if (!changed) reasons["noeffectaxis"] = axis;
    }

    private static bool Stagnates(CmaEsState state, CmaEsParameters parameters)
    {
        var shortestHistory = 120 + (int)Math.Ceiling(30.0 * parameters.Dimension / parameters.PopulationSize);
        var length = Math.Max(shortestHistory, state.Generation / 5);
        if (state.BestHistory.Count < length) return false;
        return NotImproved(state.BestHistory, length) && NotImproved(state.MedianHistory, length);
    }

    /// <summary>
    /// The median of the latest 30% is no better than that of the first 30% of the last <paramref name="length"/> values.
    /// </summary>
    private static bool NotImproved(List<double> history, int length)
    {
        var part = (3 * length) / 10;
        var early = history.GetRange(history.Count - length, part);
        var late = history.GetRange(history.Count - part, part);
        early.Sort();
        late.Sort();
        return late[part / 2] >= early[part / 2];
    }
}
