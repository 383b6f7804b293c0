namespace Cuvee.Merging.Methods;

/// <summary>
/// The second and third step of TIES (arXiv 2306.01708): per entry the sign of the weighted sum wins, and the mean of the entries that
/// agree with it, weighted by |w|, is the result. Entries that are zero do not count; where the sum is zero, so is the result. Sums are in
/// double.
/// </summary>
internal static class SignElection
{
    /// <summary>merged = lambda * mean over the agreeing entries.</summary>
    /// <param name="thresholds">[vectors]; entries of smaller magnitude count as zero.</param>
    /// <param name="weights">[vectors]; a negative one turns its vector round.</param>
    public static void Merge(
        IReadOnlyList<ReadOnlyMemory<float>> vectors, float[] thresholds, double[] weights, double lambda, Span<float> merged)
    {
        var elected = new double[merged.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            var vector = vectors[i].Span;
            var (weight, threshold) = (weights[i], thresholds[i]);
            for (var j = 0; j < elected.Length; j++)
            {
                if (Math.Abs(vector[j]) >= threshold) elected[j] += weight * vector[j];
            }
        }

        var agreeing = new double[merged.Length];
        var agreeingWeight = new double[merged.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            var vector = vectors[i].Span;
            var (weight, threshold) = (weights[i], thresholds[i]);
            for (var j = 0; j < elected.Length; j++)
            {
                var entry = weight * vector[j];
                if (Math.Abs(vector[j]) < threshold || entry * elected[j] <= 0) continue;
                agreeing[j] += entry;
                agreeingWeight[j] += Math.Abs(weight);
            }
        }

        for (var j = 0; j < merged.Length; j++) merged[j] = agreeingWeight[j] > 0 ? (float)(lambda * (agreeing[j] / agreeingWeight[j])) : 0;
    }
}
