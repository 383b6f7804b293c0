using System.Numerics;

namespace Cuvee.Optimization.CmaEs;

/// <summary>
/// Element-wise row kernels in double. No fused multiply-add and no vector reduction: every lane does what the scalar remainder does, so
/// the bytes are the same at any vector width.
/// </summary>
internal static class RowOperations
{
    /// <summary>y += a x. Vector&lt;double&gt; lanes, scalar remainder.</summary>
    public static void AddScaled(double a, ReadOnlySpan<double> x, Span<double> y)
    {
        var i = 0;
        var factor = new Vector<double>(a);
        for (; i <= x.Length - Vector<double>.Count; i += Vector<double>.Count)
            (new Vector<double>(y[i..]) + (factor * new Vector<double>(x[i..]))).CopyTo(y[i..]);
        for (; i < x.Length; i++) y[i] += a * x[i];
    }

    /// <summary>y *= a.</summary>
    public static void Multiply(double a, Span<double> y)
    {
        for (var i = 0; i < y.Length; i++) y[i] *= a;
    }

    public static double SquaredNorm(ReadOnlySpan<double> x)
    {
        double sum = 0;
        foreach (var value in x) sum += value * value;
        return sum;
    }
}
