namespace Cuvee.Merging.Tests;

/// <summary>The merge methods in double, entry by entry, written from the papers: the oracle of the fp32 path.</summary>
internal static class ReferenceMethods
{
    /// <summary>Entries whose magnitude is below that of the round(density * n)-th largest become zero.</summary>
    public static double[] Trim(double[] vector, double density) => Trim(vector, density, vector);

    /// <param name="whole">What the rank counts over.</param>
    public static double[] Trim(double[] vector, double density, double[] whole)
    {
        if (density == 0) return new double[vector.Length];
        var kept = Math.Max(1, (int)Math.Round(density * whole.Length, MidpointRounding.ToEven));
        var threshold = whole.Select(Math.Abs).OrderDescending().ElementAt(kept - 1);
        return [.. vector.Select(x => Math.Abs(x) >= threshold ? x : 0)];
    }

    public static double[] Elect(double[][] vectors, double[] weights, double lambda) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(j =>
    {
        var entries = vectors.Select((vector, i) => (Value: weights[i] * vector[j], Weight: Math.Abs(weights[i]))).ToList();
        var sign = Math.Sign(entries.Sum(entry => entry.Value));
        var agreeing = entries.Where(entry => sign != 0 && Math.Sign(entry.Value) == sign).ToList();
        return agreeing.Count == 0 ? 0 : lambda * agreeing.Sum(entry => entry.Value) / agreeing.Sum(entry => entry.Weight);
    })];

    public static double[] Sum(double[][] vectors, double[] weights) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(j => vectors.Select((vector, i) => weights[i] * vector[j]).Sum())];

    public static double[] Slerp(double[] x, double[] y, double t)
    {
        var cosine = Dot(x, y) / Math.Sqrt(Dot(x, x) * Dot(y, y));
        var theta = Math.Acos(cosine);
        var (first, second) = Math.Abs(cosine) > 0.9995
            ? (1 - t, t)
            : (Math.Sin((1 - t) * theta) / Math.Sin(theta), Math.Sin(t * theta) / Math.Sin(theta));
        return [.. x.Zip(y, (a, b) => (first * a) + (second * b))];
    }

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();
}
