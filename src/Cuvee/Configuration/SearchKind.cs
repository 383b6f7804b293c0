namespace Cuvee.Configuration;

public enum SearchKind
{
    /// <summary><c>evo-merging</c>: CMA-ES on keep fractions, then on weights (arXiv 2509.12951).</summary>
    EvoMerging,

    /// <summary><c>fisher-probing</c>: Gauss-Newton steps from finite differences of log-probabilities.</summary>
    FisherProbing,

    /// <summary><c>random</c>: independent random weights; the control that a search must beat.</summary>
    Random,
}
