namespace Cuvee.Numerics.Tests;

/// <summary>Rows at the edges of every vector width, and the tolerance of fp32 against a double twin.</summary>
internal static class Rows
{
    public static readonly TheoryData<int> Sizes =
        [.. new[] { 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257 }];

    public static float[] Gaussian(int n, ulong seed = 1, float scale = 1)
    {
        var random = new SeededRandom(seed + ((ulong)n << 8));
        var x = new float[n];
        for (var i = 0; i < n; i++) x[i] = (float)random.NextGaussian() * scale;
        return x;
    }

    public static double[] Doubles(float[] x) => Array.ConvertAll(x, value => (double)value);

    public static void AssertClose(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"[{i}]: {actual[i]}, not {expected[i]}");
    }
}
