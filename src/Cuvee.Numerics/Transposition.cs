namespace Cuvee.Numerics;

/// <summary>Copies [rows, columns] as [columns, rows], in blocks of four rows so that whole vectors are read and written.</summary>
public static unsafe class Transposition
{
    /// <param name="source">[rows, columns], <paramref name="sourceStride"/> floats between rows.</param>
    /// <param name="target">[columns, rows], <paramref name="targetStride"/> floats between rows; must not overlap the source.</param>
    /// <exception cref="ArgumentException">A span is too short for its shape, or a stride smaller than its row.</exception>
    public static void Copy(
        int rows, int columns, ReadOnlySpan<float> source, int sourceStride, Span<float> target, int targetStride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (rows == 0 || columns == 0) return;
        Gemm.CheckOperand(rows, columns, source.Length, sourceStride, nameof(source));
        Gemm.CheckOperand(columns, rows, target.Length, targetStride, nameof(target));
        fixed (float* from = source, to = target) PanelPacking.CopyLanes(from, sourceStride, rows, columns, to, targetStride);
    }
}
