using System.Numerics;
using System.Runtime.InteropServices;
using Cuvee.Numerics;

namespace Cuvee.Lab.Niches;

/// <summary>
/// MLP pixels-256-10 with ReLU as one vector of weights (19,210 for 64 pixels): [256, pixels] and [256] of the hidden layer, then [10, 256]
/// and [10]. Single-threaded; one instance for each thread.
/// </summary>
internal sealed class DigitNet(DigitImages images)
{
    public const int Hidden = 256;

    private const int Outputs = DigitImages.Classes;

    private readonly float[] weights = new float[WeightsOf(images.PixelCount)];
    private readonly float[] hidden = new float[images.Count * Hidden]; // [images, 256]
    private readonly float[] logits = new float[images.Count * Outputs]; // [images, 10]

    public int WeightCount => weights.Length;

    private int Inputs => images.PixelCount;

    private int HiddenBias => Inputs * Hidden;

    private int OutputWeights => HiddenBias + Hidden;

    private int OutputBias => OutputWeights + (Hidden * Outputs);

    /// <summary>Of a net on images of so many pixels.</summary>
    public static int WeightsOf(int pixels) => (Hidden * (pixels + 1)) + (Outputs * (Hidden + 1));

    /// <summary>One forward pass of all images.</summary>
    /// <param name="point">[weights]</param>
    /// <returns>0 or 1 an image: 1 where the largest logit is another class's.</returns>
    public double[] Errors(IReadOnlyList<double> point)
    {
        for (var i = 0; i < WeightCount; i++) weights[i] = (float)point[i];
        Forward(weights);
        var errors = new double[images.Count];
        for (var i = 0; i < errors.Length; i++)
            errors[i] = Largest(logits.AsSpan(i * Outputs, Outputs)) == images.Labels[i] ? 0 : 1;
        return errors;
    }

    /// <summary>Gradient of the mean cross-entropy over all images.</summary>
    /// <param name="point">[weights]</param>
    /// <param name="gradient">[weights], overwritten.</param>
    /// <returns>The cross-entropy in nats.</returns>
    public double Gradient(ReadOnlySpan<float> point, Span<float> gradient)
    {
        Forward(point);
        gradient.Clear();
        double loss = 0;
        for (var i = 0; i < images.Count; i++)
        {
            var row = logits.AsSpan(i * Outputs, Outputs);
            var largest = row[Largest(row)];
            double sum = 0;
            foreach (var logit in row) sum += Math.Exp(logit - largest);
            loss -= row[images.Labels[i]] - largest - Math.Log(sum);
            for (var k = 0; k < Outputs; k++)
            {
                var target = k == images.Labels[i] ? 1 : 0;
                row[k] = (float)(((Math.Exp(row[k] - largest) / sum) - target) / images.Count); // dL/dlogit
                gradient[OutputBias + k] += row[k];
            }
        }

        Gemm.Multiply(
            Outputs, Hidden, images.Count, logits, Outputs, true, hidden, Hidden, false, gradient[OutputWeights..], Hidden, false);
        var back = new float[hidden.Length]; // [images, 256]
        Gemm.Multiply(
            images.Count, Hidden, Outputs, logits, Outputs, false, point[OutputWeights..OutputBias], Hidden, false, back, Hidden, false);
        for (var i = 0; i < back.Length; i++)
        {
            if (hidden[i] <= 0) back[i] = 0;
            gradient[HiddenBias + (i % Hidden)] += back[i];
        }

        Gemm.Multiply(Hidden, Inputs, images.Count, back, Hidden, true, images.Pixels, Inputs, false, gradient, Inputs, false);
        return loss / images.Count;
    }

    private void Forward(ReadOnlySpan<float> point)
    {
        for (var i = 0; i < images.Count; i++)
        {
            point[HiddenBias..OutputWeights].CopyTo(hidden.AsSpan(i * Hidden));
            point[OutputBias..].CopyTo(logits.AsSpan(i * Outputs));
        }

        Gemm.Multiply(images.Count, Hidden, Inputs, images.Pixels, Inputs, false, point, Inputs, true, hidden, Hidden, true);
        Rectify();
        Gemm.Multiply(
            images.Count, Outputs, Hidden, hidden, Hidden, false, point[OutputWeights..OutputBias], Hidden, true, logits, Outputs, true);
    }

    private void Rectify()
    {
        var lanes = MemoryMarshal.Cast<float, Vector<float>>(hidden.AsSpan()); // 256 is a multiple of every lane count
        for (var i = 0; i < lanes.Length; i++) lanes[i] = Vector.Max(lanes[i], Vector<float>.Zero);
    }

    private static int Largest(ReadOnlySpan<float> row)
    {
        var largest = 0;
        for (var k = 1; k < row.Length; k++)
        {
            if (row[k] > row[largest]) largest = k;
        }

        return largest;
    }
}
