namespace Cuvee;

/// <summary>Remembers the best point on held-out records and says when looking further has stopped paying.</summary>
internal sealed class EarlyStopping(int patience)
{
    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>Null before the first finite loss.</summary>
    public IReadOnlyList<double>? BestPoint { get; private set; }

    public int ChecksWithoutGain { get; private set; }

    public bool HasStopped => ChecksWithoutGain >= patience;

    /// <param name="checks">Points of one check with their held-out losses; one is enough to gain.</param>
    public void Observe(IReadOnlyList<(IReadOnlyList<double> Point, double Loss)> checks)
    {
        var (point, loss) = checks.MinBy(check => double.IsNaN(check.Loss) ? double.PositiveInfinity : check.Loss);
        if (loss < BestLoss)
        {
            (BestLoss, BestPoint, ChecksWithoutGain) = (loss, point, 0);
        }
        else
        {
            ChecksWithoutGain++;
        }
    }
}
