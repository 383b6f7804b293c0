namespace Cuvee.Optimization.NaturalNiches;

/// <summary>
/// Competition for data points and the attraction of what a parent lacks (arXiv 2508.16204, section 3). Scores are [models][data points],
/// each 0 or more.
/// </summary>
public static class Niches
{
    /// <summary>z_j = (sum_p s[p, j])^exponent, 1 where the sum is 0; exponent 0 leaves every point to all.</summary>
    /// <returns>[data points]</returns>
    public static double[] Capacities(IReadOnlyList<double[]> scores, double exponent)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var capacities = new double[scores[0].Length];
        foreach (var model in scores)
        {
            for (var j = 0; j < capacities.Length; j++) capacities[j] += model[j];
        }

        for (var j = 0; j < capacities.Length; j++) capacities[j] = capacities[j] == 0 ? 1 : Math.Pow(capacities[j], exponent);
        return capacities;
    }

    /// <summary>fitness_p = sum_j s[p, j] / z_j.</summary>
    public static double Fitness(ReadOnlySpan<double> scores, ReadOnlySpan<double> capacities)
    {
        double sum = 0;
        for (var j = 0; j < scores.Length; j++) sum += scores[j] / capacities[j];
        return sum;
    }

    /// <summary>sum_j max(0, s[q, j] - s[p, j]) / z_j: what q has and p lacks, most where few compete.</summary>
    public static double Attraction(ReadOnlySpan<double> parent, ReadOnlySpan<double> mate, ReadOnlySpan<double> capacities)
    {
        double sum = 0;
        for (var j = 0; j < parent.Length; j++) sum += Math.Max(0, mate[j] - parent[j]) / capacities[j];
        return sum;
    }
}
