namespace Cuvee.Optimization.Nsga2;

/// <summary>
/// Non-dominated sorting and crowding distances (Deb et al., IEEE Transactions on Evolutionary Computation 6, 2002, sections III-A and
/// III-B). Losses are [points][losses], lower being better; no NaN.
/// </summary>
public static class ParetoRanking
{
    /// <summary>At least as good in every loss, better in one.</summary>
    public static bool Dominates(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var isBetter = false;
        for (var m = 0; m < first.Count; m++)
        {
            if (first[m] > second[m]) return false;
            isBetter |= first[m] < second[m];
        }

        return isBetter;
    }

    /// <summary>
    /// Fast non-dominated sort, in O(losses points^2): the first front is dominated by no point, each next one only by fronts before it.
    /// </summary>
    /// <returns>Positions, rising in each front; every point in one.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> Fronts(IReadOnlyList<IReadOnlyList<double>> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        var dominated = losses.Select(_ => new List<int>()).ToArray(); // S_p
        var dominators = new int[losses.Count]; // n_p
        for (var p = 0; p < losses.Count; p++)
        {
            for (var q = 0; q < p; q++)
            {
                var (winner, loser) = Dominates(losses[p], losses[q]) ? (p, q) : Dominates(losses[q], losses[p]) ? (q, p) : (-1, -1);
                if (winner < 0) continue;
                dominated[winner].Add(loser);
                dominators[loser]++;
            }
        }

        var fronts = new List<IReadOnlyList<int>>();
        List<int> front = [.. Enumerable.Range(0, losses.Count).Where(p => dominators[p] == 0)];
        while (front.Count > 0)
        {
            fronts.Add(front);
            front = [.. front.SelectMany(p => dominated[p]).Where(q => --dominators[q] == 0).Order()];
        }

        return fronts;
    }

    /// <summary>
    /// For each point of one front the sum over losses of the distance between its two neighbours, in units of the front's range;
    /// positive infinity at the ends. A loss without a finite range above 0 adds nothing.
    /// </summary>
    /// <returns>[points]</returns>
    public static double[] Crowding(IReadOnlyList<IReadOnlyList<double>> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        var distances = new double[losses.Count];
        if (losses.Count == 0) return distances;
        for (var m = 0; m < losses[0].Count; m++)
        {
            int[] order = [.. Enumerable.Range(0, losses.Count).OrderBy(p => losses[p][m])];
            distances[order[0]] = distances[order[^1]] = double.PositiveInfinity;
            var range = losses[order[^1]][m] - losses[order[0]][m];
            if (!(range > 0 && double.IsFinite(range))) continue;
            for (var i = 1; i < order.Length - 1; i++)
                distances[order[i]] += (losses[order[i + 1]][m] - losses[order[i - 1]][m]) / range;
        }

        return distances;
    }
}
