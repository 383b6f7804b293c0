using Cuvee.Formats.HuggingFace;

namespace Cuvee.Formats.Gguf;

/// <summary>llama3's rotary scaling as the tensor that llama.cpp divides frequencies by, and back.</summary>
internal static class Llama3Factors
{
    // The factors are fp32, and two of them lie near the ends of the ramp at worst.
    private const double Tolerance = 1e-5;

    /// <returns>[headDim / 2]</returns>
    public static float[] Of(RopeScaling scaling, double theta, int headDim) =>
        [.. Frequencies(theta, headDim).Select(frequency => (float)(frequency / scaling.Scale(frequency)))];

    /// <summary>
    /// The parameters that give these factors; null when none do. Kept shares rise linearly with the frequency, so two of them fix the ramp
    /// up to a common multiple, which <paramref name="originalContext"/> chooses; without two the published 1 to 4 is tried.
    /// </summary>
    /// <param name="factors">[headDim / 2]</param>
    public static Llama3RopeScaling? Fit(float[] factors, double theta, int headDim, int originalContext)
    {
        var frequencies = Frequencies(theta, headDim).ToArray(); // falling
        if (factors.Length != frequencies.Length || factors.Any(factor => !(factor >= 1))) return null;
        double factor = factors[^1];
        var ramp = Enumerable.Range(0, factors.Length).Where(i => factors[i] > 1 && factors[i] < factor).ToList();
        var (low, high) = (1.0, 4.0);
        if (ramp.Count >= 2)
        {
            double Kept(int i) => ((1 / (double)factors[i]) - (1 / factor)) / (1 - (1 / factor));
            var slope = (Kept(ramp[0]) - Kept(ramp[^1])) / (frequencies[ramp[0]] - frequencies[ramp[^1]]);
            var width = originalContext / (2 * Math.PI * slope); // high - low
            low = Rounded((originalContext * frequencies[ramp[0]] / (2 * Math.PI)) - (Kept(ramp[0]) * width));
            high = Rounded(low + width);
        }

        if (!(low > 0 && high > low && double.IsFinite(high))) return null;
        var scaling = new Llama3RopeScaling(factor, low, high, originalContext);
        var back = Of(scaling, theta, headDim);
        return back.Zip(factors).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance * pair.Second) ? scaling : null;
    }

    // Published ones are whole or halves; the fit is as exact as fp32.
    private static double Rounded(double value) => Math.Abs((value * 4) - Math.Round(value * 4)) < 1e-3 ? Math.Round(value * 4) / 4 : value;

    // Radians per position.
    private static IEnumerable<double> Frequencies(double theta, int headDim) =>
        Enumerable.Range(0, headDim / 2).Select(pair => Math.Pow(theta, -2.0 * pair / headDim));
}
