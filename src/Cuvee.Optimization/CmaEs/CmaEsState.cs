using System.Text.Json.Nodes;

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

    public void Save(JsonObject snapshot)
    {
        snapshot["generation"] = Generation;
        snapshot["mean"] = SnapshotCodec.Vector(Mean);
        snapshot["sigma"] = SnapshotCodec.Number(Sigma);
        snapshot["pathSigma"] = SnapshotCodec.Vector(PathSigma);
        snapshot["pathC"] = SnapshotCodec.Vector(PathC);
        snapshot["factorizedGeneration"] = FactorizedGeneration;
        snapshot["flatGenerations"] = FlatGenerations;
        snapshot["lastRange"] = SnapshotCodec.Number(LastRange);
        snapshot["bestHistory"] = SnapshotCodec.Vector(BestHistory);
        snapshot["medianHistory"] = SnapshotCodec.Vector(MedianHistory);
        snapshot["bestObjective"] = SnapshotCodec.Number(BestObjective);
        snapshot["bestPoint"] = SnapshotCodec.Vector(BestPoint ?? []);
        Covariance.Save(snapshot);
    }

    public void Load(JsonObject snapshot)
    {
        var n = Mean.Length;
        Generation = SnapshotCodec.ReadInteger(snapshot, "generation");
        SnapshotCodec.ReadVector(snapshot, "mean", n).CopyTo(Mean, 0);
        Sigma = SnapshotCodec.ReadNumber(snapshot, "sigma");
        SnapshotCodec.ReadVector(snapshot, "pathSigma", n).CopyTo(PathSigma, 0);
        SnapshotCodec.ReadVector(snapshot, "pathC", n).CopyTo(PathC, 0);
        FactorizedGeneration = SnapshotCodec.ReadInteger(snapshot, "factorizedGeneration");
        FlatGenerations = SnapshotCodec.ReadInteger(snapshot, "flatGenerations");
        LastRange = SnapshotCodec.ReadNumber(snapshot, "lastRange");
        BestHistory.Clear();
        BestHistory.AddRange(SnapshotCodec.ReadVector(snapshot, "bestHistory"));
        MedianHistory.Clear();
        MedianHistory.AddRange(SnapshotCodec.ReadVector(snapshot, "medianHistory", BestHistory.Count));
        BestObjective = SnapshotCodec.ReadNumber(snapshot, "bestObjective");
        var best = SnapshotCodec.ReadVector(snapshot, "bestPoint");
        BestPoint = best.Length == n ? best : null;
        Covariance.Load(snapshot);
    }
}
