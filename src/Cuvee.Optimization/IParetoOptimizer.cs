namespace Cuvee.Optimization;

/// <summary>
/// An optimiser of several losses at once (<see cref="TrialEvaluation.Losses"/>), whose result is a front beside what it recommends.
/// </summary>
public interface IParetoOptimizer : IOptimizer
{
    /// <summary>
    /// Points of which none is at least as good as another in every loss and better in one, as far as told; the most isolated first, ends
    /// before all, so that the first few span the front.
    /// </summary>
    IReadOnlyList<double[]> Front();
}
