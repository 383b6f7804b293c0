using System.Runtime.Intrinsics;

namespace Cuvee.Inference.Forward;

/// <summary>Element-wise and reducing kernels over one row. A result depends on the row alone.</summary>
internal static class RowKernels
{
    private const int Lanes = 16;

    /// <summary>x * weight / sqrt(mean(x^2) + eps) (arXiv 1910.07467). All [hidden].</summary>
    public static void RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, double eps, Span<float> result)
    {
        var squares = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= x.Length; i += Lanes)
        {
            var v = Vector512.Create(x.Slice(i, Lanes));
            squares = Vector512.FusedMultiplyAdd(v, v, squares);
        }

        var sum = Vector512.Sum(squares);
        for (; i < x.Length; i++) sum = MathF.FusedMultiplyAdd(x[i], x[i], sum);
        var inverse = (float)(1 / Math.Sqrt((sum / (double)x.Length) + eps));
        for (i = 0; i + Lanes <= x.Length; i += Lanes)
            (Vector512.Create(x.Slice(i, Lanes)) * inverse * Vector512.Create(weight.Slice(i, Lanes))).CopyTo(result[i..]);
        for (; i < x.Length; i++) result[i] = x[i] * inverse * weight[i];
    }

    /// <summary>In place: softmax(scale * x).</summary>
    public static void Softmax(Span<float> x, float scale)
    {
        var max = Max(x);
        var total = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= x.Length; i += Lanes)
        {
            var e = Vector512.Exp((Vector512.Create<float>(x.Slice(i, Lanes)) - Vector512.Create(max)) * scale);
            e.CopyTo(x[i..]);
            total += e;
        }

        var sum = Vector512.Sum(total);
        for (; i < x.Length; i++) sum += x[i] = MathF.Exp((x[i] - max) * scale);
        var inverse = 1 / sum;
        for (i = 0; i + Lanes <= x.Length; i += Lanes) (Vector512.Create<float>(x.Slice(i, Lanes)) * inverse).CopyTo(x[i..]);
        for (; i < x.Length; i++) x[i] *= inverse;
    }

    /// <summary>gate = silu(gate) * up, silu(x) = x / (1 + exp(-x)) (arXiv 2002.05202).</summary>
    public static void SwiGlu(Span<float> gate, ReadOnlySpan<float> up)
    {
        var i = 0;
        for (; i + Lanes <= gate.Length; i += Lanes)
        {
            var g = Vector512.Create<float>(gate.Slice(i, Lanes));
            (g / (Vector512<float>.One + Vector512.Exp(-g)) * Vector512.Create(up.Slice(i, Lanes))).CopyTo(gate[i..]);
        }

        for (; i < gate.Length; i++) gate[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>x += y</summary>
    public static void Add(Span<float> x, ReadOnlySpan<float> y)
    {
        var i = 0;
        for (; i + Lanes <= x.Length; i += Lanes)
            (Vector512.Create<float>(x.Slice(i, Lanes)) + Vector512.Create(y.Slice(i, Lanes))).CopyTo(x[i..]);
        for (; i < x.Length; i++) x[i] += y[i];
    }

    /// <summary>max(x) and sum(exp(x - max)).</summary>
    public static (float Max, double Sum) LogSumExp(ReadOnlySpan<float> x)
    {
        var max = Max(x);
        var total = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= x.Length; i += Lanes) total += Vector512.Exp(Vector512.Create(x.Slice(i, Lanes)) - Vector512.Create(max));
        double sum = Vector512.Sum(total);
        for (; i < x.Length; i++) sum += MathF.Exp(x[i] - max);
        return (max, sum);
    }

    private static float Max(ReadOnlySpan<float> x)
    {
        var i = 0;
        var max = float.NegativeInfinity;
        if (x.Length >= Lanes)
        {
            var lanes = Vector512.Create(x[..Lanes]);
            for (i = Lanes; i + Lanes <= x.Length; i += Lanes) lanes = Vector512.Max(lanes, Vector512.Create(x.Slice(i, Lanes)));
            for (var lane = 0; lane < Lanes; lane++) max = MathF.Max(max, lanes[lane]);
        }

        for (; i < x.Length; i++) max = MathF.Max(max, x[i]);
        return max;
    }
}
