namespace Cuvee.Runs;

/// <summary>Remembers the best point on held-out records and says when looking further has stopped paying.</summary>
internal sealed class EarlyStopping(int patience)
{
    /// <summary>Lowest objective seen.</summary>
    public double Best { get; private set; } = double.PositiveInfinity;

    /// <summary>Null before the first finite objective.</summary>
    public IReadOnlyList<double>? BestPoint { get; private set; }

    public int ChecksWithoutGain { get; private set; }

    public bool HasStopped => ChecksWithoutGain >= patience;

    /// <param name="checks">Points of one check with their held-out objectives, penalty included; one is enough to gain.</param>
    public void Observe(IReadOnlyList<(IReadOnlyList<double> Point, double Objective)> checks)
    {
        var (point, objective) = checks.MinBy(check => double.IsNaN(check.Objective) ? double.PositiveInfinity : check.Objective);
        if (objective < Best)
        {
            (Best, BestPoint, ChecksWithoutGain) = (objective, point, 0);
        }
        else
        {
            ChecksWithoutGain++;
        }
    }
}
