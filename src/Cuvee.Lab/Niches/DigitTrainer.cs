using Cuvee.Numerics;

namespace Cuvee.Lab.Niches;

/// <summary>Trains parents and the reference by Adam (arXiv 1412.6980) on whole batches.</summary>
internal static class DigitTrainer
{
    private const double Rate = 0.003;
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    /// <returns>Weights, [weights].</returns>
    public static double[] Train(DigitImages images, int steps, ulong seed)
    {
        // 0.1 lies between the deviations of He et al. (arXiv 1502.01852) for fan-ins of 64 (0.18) and 256 (0.09).
        var random = new SeededRandom(seed);
        float[] weights = [.. Enumerable.Range(0, DigitNet.WeightsOf(images.PixelCount)).Select(_ => (float)(0.1 * random.NextGaussian()))];
        var net = new DigitNet(images);
        var (gradient, first, second) = (new float[weights.Length], new double[weights.Length], new double[weights.Length]);
        for (var step = 1; step <= steps; step++)
        {
            net.Gradient(weights, gradient);
            for (var i = 0; i < weights.Length; i++)
            {
                first[i] = (Beta1 * first[i]) + ((1 - Beta1) * gradient[i]);
                second[i] = (Beta2 * second[i]) + ((1 - Beta2) * gradient[i] * gradient[i]);
                var (mean, square) = (first[i] / (1 - Math.Pow(Beta1, step)), second[i] / (1 - Math.Pow(Beta2, step)));
                weights[i] -= (float)(Rate * mean / (Math.Sqrt(square) + Epsilon));
            }
        }

        return [.. weights.Select(weight => (double)weight)];
    }
}
