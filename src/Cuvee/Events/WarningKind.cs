namespace Cuvee.Events;

public enum WarningKind
{
    /// <summary>All candidates of a generation lie on nearly one point.</summary>
    Collapse,

    /// <summary>The best loss has not moved for many iterations on the same records.</summary>
    Stagnation,

    /// <summary>Weights of the best guess lie at the limits of the search.</summary>
    AtBounds,

    /// <summary>A candidate's loss was not finite.</summary>
    NonFiniteLoss,

    /// <summary>The best single adapter beats the result, and the run file asks for the result all the same.</summary>
    WorseThanSingle,

    /// <summary>The loss improves on the best single adapter and the metric does not.</summary>
    MetricDisagrees,
}
