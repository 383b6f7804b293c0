namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// When CMA-ES gives up or is content; names of stop reasons follow pycma. Null switches a test off; the defaults are pycma's where it
/// has one.
/// </summary>
public sealed record CmaEsTolerances
{
    /// <summary>Everything off: the caller's budget alone ends the run.</summary>
    public static CmaEsTolerances None { get; } = new()
    {
        TolFun = null,
        TolFunHist = null,
        TolX = null,
        TolUpSigma = null,
        TolFlatFitness = null,
        TolConditionCov = null,
        MaxIterations = null,
        Stagnation = false,
        NoEffect = false,
    };

    /// <summary><c>ftarget</c>: best objective at or below this value. Default off.</summary>
    public double? FTarget { get; init; }

    /// <summary><c>tolfun</c>: range of the generation's objectives and of the recent bests both below this. Default 1e-11.</summary>
    public double? TolFun { get; init; } = 1e-11;

    /// <summary>
    /// <c>tolfunhist</c>: range of the best objectives of the last 10 + ceil(30 N / lambda) generations below this. Default 1e-12.
    /// </summary>
    public double? TolFunHist { get; init; } = 1e-12;

    /// <summary><c>tolx</c>: standard deviation and path of every coordinate, times sigma, below this. Default 1e-11.</summary>
    public double? TolX { get; init; } = 1e-11;

    /// <summary><c>tolupsigma</c>: sigma grown by this factor over the start, beyond the longest axis. Default 1e20.</summary>
    public double? TolUpSigma { get; init; } = 1e20;

    /// <summary><c>tolflatfitness</c>: more than this many generations in a row with all objectives equal. Default 1.</summary>
    public int? TolFlatFitness { get; init; } = 1;

    /// <summary><c>tolconditioncov</c>: condition number of the covariance matrix above this. Default 1e14.</summary>
    public double? TolConditionCov { get; init; } = 1e14;

    /// <summary><c>maxiter</c>: generations told. Default -1, meaning 100 + 150 (N + 3)^2 / sqrt(lambda).</summary>
    public int? MaxIterations { get; init; } = -1;

    /// <summary>
    /// <c>stagnation</c>: neither best nor median objective improved over a long history (arXiv 1604.00772, appendix B.3). Default on.
    /// </summary>
    public bool Stagnation { get; init; } = true;

    /// <summary>
    /// <c>noeffectaxis</c>, <c>noeffectcoord</c>: a step of 0.1 (0.2) deviations no longer changes the mean in double precision. Default
    /// on.
    /// </summary>
    public bool NoEffect { get; init; } = true;
}
