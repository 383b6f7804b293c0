using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Softmax of one row, with its largest element subtracted first. A masked position is minus infinity and gets exactly 0.
/// </summary>
public static class Softmax
{
    private const int VectorsPerPartialSum = 8; // fp32 within, double across: the sum errs by less than one exponential

    /// <summary>y = e^x / sum(e^x); <paramref name="y"/> may be <paramref name="x"/>. At least one element above minus infinity.</summary>
    public static void Forward(ReadOnlySpan<float> x, Span<float> y)
    {
        FloatVectors.CheckLengths(x.Length, y.Length);
        if (x.IsEmpty) return;
        var largest = FloatVectors.Max(x);
        var sum = ExpOfDifferences(x, largest, y, store: true);
        FloatVectors.Scale((float)(1 / sum), y);
    }

    /// <summary>
    /// ln(sum(e^x)) of a row of logits, to about 1e-7: a log-probability is x[token] minus it. Minus infinity for no element.
    /// </summary>
    public static double LogSumExp(ReadOnlySpan<float> x)
    {
        if (x.IsEmpty) return double.NegativeInfinity;
        var largest = FloatVectors.Max(x);
        return float.IsNegativeInfinity(largest) ? largest : largest + Math.Log(ExpOfDifferences(x, largest, default, store: false));
    }

    /// <summary>Turns the gradient of the probabilities into that of the scores: dx = p * (dp - sum(p * dp)), in place.</summary>
    /// <param name="probabilities">p, what <see cref="Forward"/> gave.</param>
    /// <param name="gradient">dp, then dx.</param>
    public static void Backward(ReadOnlySpan<float> probabilities, Span<float> gradient)
    {
        var mean = (float)FloatVectors.Dot(probabilities, gradient);
        var done = LaneWidth.Is512 ? Backward<Float512, Vector512<float>>(probabilities, mean, gradient, 0)
            : LaneWidth.Is256 ? Backward<Float256, Vector256<float>>(probabilities, mean, gradient, 0)
            : 0;
        Backward<FloatScalar, float>(probabilities, mean, gradient, done);
    }

    /// <summary>
    /// -ln softmax(logits)[target] in nats; the row then holds <paramref name="scale"/> times its gradient, softmax less one at the target.
    /// </summary>
    public static double CrossEntropy(Span<float> logits, int target, float scale)
    {
        var largest = FloatVectors.Max(logits);
        var targetLogit = logits[target];
        var sum = ExpOfDifferences(logits, largest, logits, store: true);
        FloatVectors.Scale((float)(scale / sum), logits);
        logits[target] -= scale;
        return Math.Log(sum) + largest - targetLogit;
    }

    private static double ExpOfDifferences(ReadOnlySpan<float> x, float largest, Span<float> y, bool store)
    {
        var sum = 0.0;
        var done = LaneWidth.Is512 ? ExpOfDifferences<Float512, Vector512<float>>(x, largest, y, store, 0, ref sum)
            : LaneWidth.Is256 ? ExpOfDifferences<Float256, Vector256<float>>(x, largest, y, store, 0, ref sum)
            : 0;
        ExpOfDifferences<FloatScalar, float>(x, largest, y, store, done, ref sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ExpOfDifferences<TLanes, TVector>(
        ReadOnlySpan<float> x, float largest, Span<float> y, bool store, int from, ref double sum)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y);
        var shift = TLanes.Broadcast(largest);
        var total = 0.0;
        var i = from;
        while (i + TLanes.Count <= x.Length)
        {
            var partial = TLanes.Broadcast(0);
            for (var v = 0; v < VectorsPerPartialSum && i + TLanes.Count <= x.Length; v++, i += TLanes.Count)
            {
                var exp = TLanes.Exp(TLanes.Subtract(TLanes.Load(ref px, i), shift));
                if (store) TLanes.Store(exp, ref py, i);
                partial = TLanes.Add(partial, exp);
            }

            total += TLanes.Sum(partial);
        }

        sum += total;
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Backward<TLanes, TVector>(ReadOnlySpan<float> p, float mean, Span<float> gradient, int from)
        where TLanes : IFloatLanes<TVector>
        where TVector : struct
    {
        ref var pp = ref MemoryMarshal.GetReference(p);
        ref var pg = ref MemoryMarshal.GetReference(gradient);
        var m = TLanes.Broadcast(mean);
        var i = from;
        for (; i + TLanes.Count <= p.Length; i += TLanes.Count)
            TLanes.Store(TLanes.Multiply(TLanes.Load(ref pp, i), TLanes.Subtract(TLanes.Load(ref pg, i), m)), ref pg, i);
        return i;
    }
}
