
namespace Cuvee.Optimization;

/// <summary>
/// Derivative-free minimiser as ask and tell. Knows nothing of adapters or models: points are genotypes, records are indices.
/// Deterministic: same settings and seed, same questions for the same answers. Not thread-safe.
/// </summary>
public interface IOptimizer
{
    string Name { get; }

    int Dimension { get; }

    /// <summary>Generations (or rounds) told so far.</summary>
    int Iteration { get; }

    /// <summary>
    /// The next questions, all comparable with each other. Must be answered by one <see cref="Tell"/> before the next Ask.
    /// </summary>
    IReadOnlyList<Trial> Ask();

    /// <summary>Answers in the order of <see cref="Ask"/>. A non-finite loss counts as worst.</summary>
    void Tell(IReadOnlyList<TrialEvaluation> evaluations);

    /// <summary>Empty while worth going on; else reason name to its value, such as <c>tolfun</c> to <c>1e-11</c>.</summary>
    IReadOnlyDictionary<string, double> StopReasons { get; }

    /// <summary>
    /// Points worth a re-evaluation on all records, best guess first (for CMA-ES the best sample and the distribution mean).
    /// </summary>
    IReadOnlyList<double[]> Recommend();
}
