using System.Numerics;
using System.Runtime.InteropServices;
using Cuvee.Numerics;

namespace Cuvee.Merging.Sparsification;

/// <summary>
/// Passes over rows of a factor that mask and scale (sums: <see cref="StoredSum"/>). Stored rows are widened a piece at a time, in the
/// first-level cache. Lanes are those of <see cref="Vector{T}"/> (8 floats with AVX2); the remainder is the same expression in scalars, so
/// that an entry's result does not depend on its position.
/// </summary>
internal static class MaskedKernels
{
    private const int Piece = 2048; // floats

    /// <summary>destination [columns] = x where |x| &gt;= threshold, else 0.</summary>
    public static void Keep(StoredMatrix source, int row, float threshold, Span<float> destination)
    {
        destination = destination[..source.Columns];
        source.ReadRow(row, destination);
        if (threshold > 0) ScaleKept(destination, threshold, 1, destination);
    }

    /// <summary>Rows [count, columns] into a wider matrix: destination[row * stride ..] = scale * x where |x| &gt;= threshold, else 0.
    /// </summary>
    public static void ScaleRows(
        StoredMatrix source, int firstRow, int count, float threshold, float scale, Span<float> destination, int stride)
    {
        Span<float> piece = stackalloc float[Piece];
        var atOnce = Piece / source.Columns;
        if (atOnce == 0)
        {
            for (var row = 0; row < count; row++)
            {
                var to = destination.Slice(row * stride, source.Columns);
                source.ReadRow(firstRow + row, to);
                ScaleWhereKept(threshold, scale, to);
            }

            return;
        }

        for (var row = 0; row < count; row += atOnce)
        {
            var rows = Math.Min(atOnce, count - row);
            var widened = piece[..(rows * source.Columns)];
            source.ReadRows(firstRow + row, rows, widened);
            ScaleWhereKept(threshold, scale, widened);
            for (var i = 0; i < rows; i++) widened.Slice(i * source.Columns, source.Columns).CopyTo(destination[((row + i) * stride)..]);
        }
    }

    private static void ScaleWhereKept(float threshold, float scale, Span<float> values)
    {
        if (threshold > 0) ScaleKept(values, threshold, scale, values);
        else FloatVectors.Scale(scale, values);
    }

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
}
