using System.Runtime.Intrinsics;
using Cuvee.Formats.HuggingFace;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Rotary position embedding (arXiv 2104.09864) in Hugging Face's rotate-half layout: dimensions i and i + headDim / 2 turn together by
/// position * theta^(-2i / headDim), or the scaled frequency. Angles are taken in double and rounded once.
/// </summary>
public sealed unsafe class RotaryTable(int headDim, double theta, RopeScaling? scaling)
{
    private readonly int half = headDim / 2;
    private readonly FloatBuffer cosines = new(); // [positions, headDim / 2]
    private readonly FloatBuffer sines = new(); // [positions, headDim / 2]
    private int positions;

    /// <summary>Fills the table up to <paramref name="count"/> positions. Not to be called while a forward pass runs.</summary>
    public void Reserve(int count)
    {
        if (count <= positions) return;
        count = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count);
        var cosine = cosines.Reserve(count * half).Pointer;
        var sine = sines.Reserve(count * half).Pointer;
        for (var i = 0; i < half; i++)
        {
            var frequency = Math.Pow(theta, -2.0 * i / headDim); // radians per position
            if (scaling is not null) frequency = scaling.Scale(frequency);
            for (var position = 0; position < count; position++)
            {
                cosine[(position * half) + i] = (float)Math.Cos(position * frequency);
                sine[(position * half) + i] = (float)Math.Sin(position * frequency);
            }
        }

        positions = count;
    }

    /// <summary>Turns every head of every row in place.</summary>
    /// <param name="x">[rows, heads * headDim]</param>
    /// <param name="rowPositions">[rows]</param>
    public void Rotate(float* x, int rows, int heads, ReadOnlySpan<int> rowPositions) => Rotate(x, rows, heads, rowPositions, 1);

    /// <summary>Turns every head of every row of <paramref name="x"/> [rows, heads * headDim] in place.</summary>
    /// <param name="rowPositions">[rows], below what was reserved.</param>
    public void Rotate(Span<float> x, int heads, ReadOnlySpan<int> rowPositions) => Rotate(x, heads, rowPositions, 1);

    /// <summary>Turns back: the transpose of <see cref="Rotate(Span{float}, int, ReadOnlySpan{int})"/>, for gradients.</summary>
    public void RotateBack(Span<float> x, int heads, ReadOnlySpan<int> rowPositions) => Rotate(x, heads, rowPositions, -1);

    private void Rotate(Span<float> x, int heads, ReadOnlySpan<int> rowPositions, float direction)
    {
        if (x.Length != rowPositions.Length * (long)heads * headDim)
            throw new ArgumentException($"{x.Length} numbers are no [{rowPositions.Length}, {heads} * {headDim}].", nameof(x));
        foreach (var position in rowPositions) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)position, (uint)positions);
        fixed (float* start = x) Rotate(start, rowPositions.Length, heads, rowPositions, direction);
    }

    private void Rotate(float* x, int rows, int heads, ReadOnlySpan<int> rowPositions, float direction)
    {
        for (var row = 0; row < rows; row++)
        {
            var cosine = cosines.Pointer + (rowPositions[row] * half);
            var sine = sines.Pointer + (rowPositions[row] * half);
            for (var head = 0; head < heads; head++, x += headDim) RotateHead(x, cosine, sine, half, direction);
        }
    }

    // The sine changes its sign with the direction (1, -1). Fused alike in the vectors and in the scalar rest, so that the lane width does
    // not show in the bits.
    private static void RotateHead(float* x, float* cosine, float* sine, int half, float direction)
    {
        var i = 0;
        for (; Vector512.IsHardwareAccelerated && i + 16 <= half; i += 16)
        {
            var (first, second) = (Vector512.Load(x + i), Vector512.Load(x + half + i));
            var (c, s) = (Vector512.Load(cosine + i), Vector512.Load(sine + i) * direction);
            Vector512.FusedMultiplyAdd(first, c, -(second * s)).Store(x + i);
            Vector512.FusedMultiplyAdd(second, c, first * s).Store(x + half + i);
        }

        for (; Vector256.IsHardwareAccelerated && i + 8 <= half; i += 8)
        {
            var (first, second) = (Vector256.Load(x + i), Vector256.Load(x + half + i));
            var (c, s) = (Vector256.Load(cosine + i), Vector256.Load(sine + i) * direction);
            Vector256.FusedMultiplyAdd(first, c, -(second * s)).Store(x + i);
            Vector256.FusedMultiplyAdd(second, c, first * s).Store(x + half + i);
        }

        for (; i < half; i++)
        {
            var (first, second, s) = (x[i], x[half + i], sine[i] * direction);
            x[i] = MathF.FusedMultiplyAdd(first, cosine[i], -(second * s));
            x[half + i] = MathF.FusedMultiplyAdd(second, cosine[i], first * s);
        }
    }
}
