using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>
/// Task singular vectors: per module the singular value decomposition of each weighted task vector is cut to k components; the singular
/// vectors of all are stacked, both stacks are replaced by the nearest matrices with orthonormal columns (orthogonal Procrustes), which
/// takes the interference out, and the merge is lambda times their product with the singular values between.
/// </summary>
/// <remarks>
/// <para>k is the authors': min(out, in) / adapters (those of weight 0 do not count), at least 1 - their "rank" is that of a full weight
/// matrix. A LoRA update has only its own rank r, so that nothing is cut until adapters * r exceeds min(out, in). <c>components</c> sets
/// another k.</para>
/// <para>Components with singular values below 1e-6 of the largest, the rounding of fp32 task vectors, are left out: the authors' code
/// stacks their vectors too, but a singular value of zero leaves its vectors to chance. So are directions that a stack does not span, such
/// as the difference of two equal adapters: two copies merge to one.</para>
/// <para>What is no matrix, such as a norm or a bias of a whole model, is averaged as in the authors' code: lambda times the mean of the
/// weighted differences, those of weight 0 not counted. As of matrices, twice the weights are twice the merge.</para>
/// </remarks>
public sealed class TsvMerge : IMergeMethod
{
    private const double Negligible = 1e-6; // of the largest singular value

    public string Name => "tsv-m";

    public string Reference => "Gargiulo et al., arXiv 2412.00081";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new(
            "components", 0, 0, 65536, "Singular components kept of each task vector; 0: min(out, in) / adapters, at least 1.",
            Integral: true),
        MergeParameter.Lambda,
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } =
        [MergeParameter.Weight with { Summary = "Weight of the adapter's task vector: it scales the singular values." }];

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (components, lambda, weights) = ((int)arguments["components"], arguments["lambda"], arguments.OfAdapters("weight"));
        var merging = Math.Max(1, weights.Count(weight => weight != 0));
        return (taskVectors, merged) =>
        {
            if (!taskVectors.IsMatrix)
            {
                merged.Clear();
                for (var i = 0; i < weights.Length; i++)
                    FloatVectors.AddScaled((float)(lambda * weights[i] / merging), taskVectors.Deltas[i].Span, merged);
                return;
            }

            var (outFeatures, inFeatures) = (taskVectors.OutFeatures, taskVectors.InFeatures);
            var most = components > 0 ? components : Math.Max(1, Math.Min(outFeatures, inFeatures) / merging);
            var (left, scales, right) = (new List<double>(), new List<double>(), new List<double>()); // [K, out], [K], [K, in]
            for (var i = 0; i < weights.Length; i++)
            {
                var (vectors, values, rows) = LowRankSvd.Decompose(taskVectors.Deltas[i].Span, outFeatures, inFeatures, Negligible);
                var kept = weights[i] == 0 ? 0 : Math.Min(most, values.Length);
                for (var k = 0; k < kept; k++)
                {
                    for (var row = 0; row < outFeatures; row++) left.Add(vectors[(row * values.Length) + k]);
                    scales.Add(lambda * weights[i] * values[k]);
                    right.AddRange(rows.AsSpan(k * inFeatures, inFeatures));
                }
            }

            Combine(
                NearestOrthogonal([.. left], scales.Count, outFeatures), [.. scales],
                NearestOrthogonal([.. right], scales.Count, inFeatures), merged);
        };
    }

    // The polar factor U V' of x = U diag(s) V', x [rows, columns].
    private static double[] NearestOrthogonal(double[] x, int rows, int columns)
    {
        var (u, s, vt) = ThinSvd.Decompose(x, rows, columns);
        var rank = s.Count(value => value > Negligible * s[0]);
        Array.Clear(x);
        for (var i = 0; i < rows; i++)
        {
            for (var k = 0; k < rank; k++)
                DoubleVectors.AddScaled(u[(i * s.Length) + k], vt.AsSpan(k * columns, columns), x.AsSpan(i * columns, columns));
        }

        return x;
    }

    // merged [out, in] = left' diag(scales) right, left [K, out], right [K, in]
    private static void Combine(double[] left, double[] scales, double[] right, Span<float> merged)
    {
        merged.Clear();
        if (scales.Length == 0) return;
        var (outFeatures, inFeatures) = (left.Length / scales.Length, right.Length / scales.Length);
        var row = new double[inFeatures];
        for (var i = 0; i < outFeatures; i++)
        {
            Array.Clear(row);
            for (var k = 0; k < scales.Length; k++)
                DoubleVectors.AddScaled(scales[k] * left[(k * outFeatures) + i], right.AsSpan(k * inFeatures, inFeatures), row);
            for (var j = 0; j < inFeatures; j++) merged[(i * inFeatures) + j] = (float)row[j];
        }
    }
}
