using System.Numerics;
using System.Runtime.InteropServices;

namespace Cuvee.Merging.Sparsification;

/// <summary>
/// One pass over a factor that masks and scales. Lanes are those of <see cref="Vector{T}"/> (8 floats with AVX2); the remainder is the same
/// expression in scalars, so that an entry's result does not depend on its position.
/// </summary>
internal static class MaskedKernels
{
    /// <summary>destination = scale * x where |x| &gt;= threshold, else 0.</summary>
    public static void ScaleKept(ReadOnlySpan<float> source, float threshold, float scale, Span<float> destination)
    {
        destination = destination[..source.Length];
        var lanes = MemoryMarshal.Cast<float, Vector<float>>(source);
        var outLanes = MemoryMarshal.Cast<float, Vector<float>>(destination);
        var limit = new Vector<float>(threshold);
        var factor = new Vector<float>(scale);
        for (var i = 0; i < lanes.Length; i++)
        {
            var x = lanes[i];
            var kept = Vector.GreaterThanOrEqual(Vector.Abs(x), limit);
            outLanes[i] = Vector.ConditionalSelect(kept, x * factor, Vector<float>.Zero);
        }

        for (var i = lanes.Length * Vector<float>.Count; i < source.Length; i++)
        {
            destination[i] = Math.Abs(source[i]) >= threshold ? source[i] * scale : 0;
        }
    }

    /// <summary>destination += scale * x where |x| &gt;= threshold, fused.</summary>
    public static void AddScaledKept(ReadOnlySpan<float> source, float threshold, float scale, Span<float> destination)
    {
        destination = destination[..source.Length];
        var lanes = MemoryMarshal.Cast<float, Vector<float>>(source);
        var outLanes = MemoryMarshal.Cast<float, Vector<float>>(destination);
        var limit = new Vector<float>(threshold);
        var factor = new Vector<float>(scale);
        for (var i = 0; i < lanes.Length; i++)
        {
            var x = lanes[i];
            var kept = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(Vector.Abs(x), limit), x, Vector<float>.Zero);
            outLanes[i] = Vector.FusedMultiplyAdd(kept, factor, outLanes[i]);
        }

        for (var i = lanes.Length * Vector<float>.Count; i < source.Length; i++)
        {
            var kept = Math.Abs(source[i]) >= threshold ? source[i] : 0;
            destination[i] = MathF.FusedMultiplyAdd(kept, scale, destination[i]);
        }
    }
}
