using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cuvee.Training;

/// <summary>Elementwise forward and backward kernels on rows; the scalar tail of each computes the same formula.</summary>
internal static class TrainingKernels
{
    /// <summary>normed = x * scale * weight with scale = 1 / sqrt(mean(x^2) + eps). Rows of <paramref name="width"/> floats.</summary>
    public static void RmsNorm(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, Span<float> normed, Span<float> scales, int width, float eps)
    {
        for (var row = 0; row < scales.Length; row++)
        {
            var source = x.Slice(row * width, width);
            var scale = 1f / MathF.Sqrt((Dot(source, source) / width) + eps);
            scales[row] = scale;
            var target = normed.Slice(row * width, width);
            var i = 0;
            var factor = new Vector<float>(scale);
            for (; i <= width - Vector<float>.Count; i += Vector<float>.Count)
                (new Vector<float>(source[i..]) * factor * new Vector<float>(weight[i..])).CopyTo(target[i..]);
            for (; i < width; i++) target[i] = source[i] * scale * weight[i];
        }
    }

    /// <summary>
    /// Adds the norm's input gradient to <paramref name="inputGradient"/>; adds to <paramref name="weightGradient"/> unless empty.
    /// </summary>
    public static void RmsNormBackward(
        ReadOnlySpan<float> x, ReadOnlySpan<float> scales, ReadOnlySpan<float> weight, ReadOnlySpan<float> outputGradient,
        Span<float> inputGradient, Span<float> weightGradient, int width)
    {
        for (var row = 0; row < scales.Length; row++)
        {
            var source = x.Slice(row * width, width);
            var dy = outputGradient.Slice(row * width, width);
            var dx = inputGradient.Slice(row * width, width);
            var scale = scales[row];
            var sum = Vector<float>.Zero;
            var i = 0;
            for (; i <= width - Vector<float>.Count; i += Vector<float>.Count)
                sum += new Vector<float>(dy[i..]) * new Vector<float>(weight[i..]) * new Vector<float>(source[i..]);
            var projection = Vector.Sum(sum);
            for (; i < width; i++) projection += dy[i] * weight[i] * source[i];
            var pull = projection * scale * scale * scale / width;

            i = 0;
            var scaleVector = new Vector<float>(scale);
            var pullVector = new Vector<float>(pull);
            for (; i <= width - Vector<float>.Count; i += Vector<float>.Count)
            {
                var s = new Vector<float>(source[i..]);
                var g = new Vector<float>(dy[i..]);
                (new Vector<float>(dx[i..]) + (g * new Vector<float>(weight[i..]) * scaleVector) - (s * pullVector)).CopyTo(dx[i..]);
                if (!weightGradient.IsEmpty) (new Vector<float>(weightGradient[i..]) + (g * s * scaleVector)).CopyTo(weightGradient[i..]);
            }

            for (; i < width; i++)
            {
                dx[i] += (dy[i] * weight[i] * scale) - (source[i] * pull);
                if (!weightGradient.IsEmpty) weightGradient[i] += dy[i] * source[i] * scale;
            }
        }
    }

    /// <summary>activated = gate * sigmoid(gate) * up.</summary>
    public static void SwiGlu(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> activated)
    {
        var i = 0;
        for (; i <= gate.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var g = new Vector<float>(gate[i..]);
            (g / (Vector<float>.One + Vector.Exp(-g)) * new Vector<float>(up[i..])).CopyTo(activated[i..]);
        }

        for (; i < gate.Length; i++) activated[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>Gradients of gate and up, which overwrite <paramref name="gateGradient"/> and <paramref name="upGradient"/>.</summary>
    public static void SwiGluBackward(
        ReadOnlySpan<float> gate, ReadOnlySpan<float> up, ReadOnlySpan<float> activatedGradient,
        Span<float> gateGradient, Span<float> upGradient)
    {
        var i = 0;
        var one = Vector<float>.One;
        for (; i <= gate.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var g = new Vector<float>(gate[i..]);
            var dy = new Vector<float>(activatedGradient[i..]);
            var sigmoid = one / (one + Vector.Exp(-g));
            (dy * g * sigmoid).CopyTo(upGradient[i..]);
            (dy * new Vector<float>(up[i..]) * sigmoid * (one + (g * (one - sigmoid)))).CopyTo(gateGradient[i..]);
        }

        for (; i < gate.Length; i++)
        {
            var sigmoid = 1 / (1 + MathF.Exp(-gate[i]));
            upGradient[i] = activatedGradient[i] * gate[i] * sigmoid;
            gateGradient[i] = activatedGradient[i] * up[i] * sigmoid * (1 + (gate[i] * (1 - sigmoid)));
        }
    }

    /// <summary>Rotate-half RoPE in place on [rows, heads * headDim]; <paramref name="sign"/> -1 is the backward rotation.</summary>
    /// <param name="cos">[positions, headDim / 2]</param>
    public static void Rotate(
        Span<float> x, ReadOnlySpan<int> positions, int heads, int headDim, ReadOnlySpan<float> cos, ReadOnlySpan<float> sin, float sign)
    {
        var half = headDim / 2;
        for (var row = 0; row < positions.Length; row++)
        {
            var c = cos.Slice(positions[row] * half, half);
            var s = sin.Slice(positions[row] * half, half);
            for (var head = 0; head < heads; head++)
            {
                var first = x.Slice((row * heads * headDim) + (head * headDim), half);
                var second = x.Slice((row * heads * headDim) + (head * headDim) + half, half);
                var i = 0;
                for (; i <= half - Vector<float>.Count; i += Vector<float>.Count)
                {
                    var a = new Vector<float>(first[i..]);
                    var b = new Vector<float>(second[i..]);
                    var cv = new Vector<float>(c[i..]);
                    var sv = new Vector<float>(s[i..]) * sign;
                    ((a * cv) - (b * sv)).CopyTo(first[i..]);
                    ((b * cv) + (a * sv)).CopyTo(second[i..]);
                }

                for (; i < half; i++)
                {
                    var (a, b) = (first[i], second[i]);
                    first[i] = (a * c[i]) - (b * s[i] * sign);
                    second[i] = (b * c[i]) + (a * s[i] * sign);
                }
            }
        }
    }

    /// <summary>
    /// Scales and softmaxes the first <paramref name="valid"/> entries of a row in place; the rest become 0 (causal mask).
    /// </summary>
    public static void CausalSoftmax(Span<float> row, int valid, float scale)
    {
        var max = float.NegativeInfinity;
        for (var i = 0; i < valid; i++) max = MathF.Max(max, row[i]);
        ExpShifted(row[..valid], scale, max * scale, out var sum);
        Scale(row[..valid], 1 / sum);
        row[valid..].Clear();
    }

    /// <summary>
    /// Softmax gradient in place: dS = P * (dP - sum(P * dP)) * scale over the first <paramref name="valid"/> entries, 0 beyond.
    /// </summary>
    public static void SoftmaxBackward(ReadOnlySpan<float> probabilities, Span<float> gradient, int valid, float scale)
    {
        var p = probabilities[..valid];
        var g = gradient[..valid];
        var mean = Dot(p, g);
        var i = 0;
        for (; i <= valid - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(p[i..]) * (new Vector<float>(g[i..]) - new Vector<float>(mean)) * scale).CopyTo(g[i..]);
        for (; i < valid; i++) g[i] = p[i] * (g[i] - mean) * scale;
        gradient[valid..].Clear();
    }

    /// <summary>
    /// Turns one row of logits into (softmax - onehot(target)) * scale in place; returns the negative log-likelihood in nats.
    /// </summary>
    public static double CrossEntropy(Span<float> logits, int target, float scale)
    {
        var max = Max(logits);
        var targetLogit = logits[target];
        ExpShifted(logits, 1f, max, out var sum);
        Scale(logits, scale / sum);
        logits[target] -= scale;
        return Math.Log(sum) + max - targetLogit;
    }

    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector<float>.Zero;
        var i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count) sum += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        var total = Vector.Sum(sum);
        for (; i < a.Length; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>target += source.</summary>
    public static void Add(Span<float> target, ReadOnlySpan<float> source)
    {
        var t = MemoryMarshal.Cast<float, Vector<float>>(target);
        var s = MemoryMarshal.Cast<float, Vector<float>>(source[..target.Length]);
        for (var i = 0; i < t.Length; i++) t[i] += s[i];
        for (var i = t.Length * Vector<float>.Count; i < target.Length; i++) target[i] += source[i];
    }

    private static float Max(ReadOnlySpan<float> x)
    {
        var max = float.NegativeInfinity;
        var i = 0;
        if (x.Length >= Vector<float>.Count)
        {
            var best = new Vector<float>(x);
            for (i = Vector<float>.Count; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
                best = Vector.Max(best, new Vector<float>(x[i..]));
            for (var lane = 0; lane < Vector<float>.Count; lane++) max = MathF.Max(max, best[lane]);
        }

        for (; i < x.Length; i++) max = MathF.Max(max, x[i]);
        return max;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ExpShifted(Span<float> x, float scale, float shift, out float sum)
    {
        var total = Vector<float>.Zero;
        var i = 0;
        var shiftVector = new Vector<float>(shift);
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var e = Vector.Exp((new Vector<float>(x[i..]) * scale) - shiftVector);
            total += e;
            e.CopyTo(x[i..]);
        }

        sum = Vector.Sum(total);
        for (; i < x.Length; i++)
        {
            x[i] = MathF.Exp((x[i] * scale) - shift);
            sum += x[i];
        }
    }

    private static void Scale(Span<float> x, float factor)
    {
        var i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count) (new Vector<float>(x[i..]) * factor).CopyTo(x[i..]);
        for (; i < x.Length; i++) x[i] *= factor;
    }
}
