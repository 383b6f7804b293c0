
namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// All that changes from generation to generation, in the unbounded coordinates that are sampled; constants are in <see
/// cref="CmaEsParameters"/>.
/// </summary>
internal sealed class CmaEsState
{
    public CmaEsState(double[] mean, double sigma, ICovariance covariance)
    {
        Mean = mean;
        Sigma = sigma;
        PathSigma = new double[mean.Length];
        PathC = new double[mean.Length];
        Covariance = covariance;
    }

    public int Generation { get; set; }

    public double[] Mean { get; } // [N]

    public double Sigma { get; set; }

    /// <summary>p_sigma, evolution path of the step size.</summary>
    public double[] PathSigma { get; } // [N]

    /// <summary>p_c, evolution path of the covariance.</summary>
    public double[] PathC { get; } // [N]

    public ICovariance Covariance { get; }

    public int FactorizedGeneration { get; set; }

    /// <summary>Consecutive generations whose objectives were all equal.</summary>
    public int FlatGenerations { get; set; }

    /// <summary>Best minus worst objective of the last generation; infinite when one was not finite.</summary>
    public double LastRange { get; set; } = double.PositiveInfinity;

    public List<double> BestHistory { get; } = []; // [generations, the last 20,000], oldest first

    public List<double> MedianHistory { get; } = []; // the same length

    public double BestObjective { get; set; } = double.PositiveInfinity;

    /// <summary>Best sample so far, inside the bounds; null before the first finite objective.</summary>
    public double[]? BestPoint { get; set; } // [N]
}
