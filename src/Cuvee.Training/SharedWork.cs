using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// The work of a training step shared among the threads of a team. It is cut by the shapes alone and sums are added in a fixed order: the
/// same bits for any number of threads. One call at a time.
/// </summary>
internal sealed class SharedWork(ThreadTeam team)
{
    private const int RowsAtOnce = 32;

    private readonly PackedMatrix scratch = new(); // right operand of the product under way
    private float[] partials = []; // [chunks of rows, width]

    /// <summary>Writes or adds to the sum of a few rows.</summary>
    /// <param name="partial">[width], zeros at first; empty where no sum is wanted.</param>
    public delegate void SummedRows(int first, int count, Span<float> partial);

    public ThreadTeam Team => team;

    /// <summary>Calls <paramref name="body"/> with the first row and the number of rows of every chunk.</summary>
    public void ForRows(int rows, Action<int, int> body) => team.Run(
        Chunks(rows), chunk => body(chunk * RowsAtOnce, Math.Min(RowsAtOnce, rows - (chunk * RowsAtOnce))));

    /// <summary>The same, and adds up what the chunks sum.</summary>
    /// <param name="sum">[width], added to; null where no sum is wanted.</param>
    public void ForRows(int rows, float[]? sum, SummedRows body)
    {
        if (sum is null)
        {
            ForRows(rows, (first, count) => body(first, count, []));
            return;
        }

        var width = sum.Length;
        var length = Chunks(rows) * width;
        if (partials.Length < length) partials = new float[length];
        partials.AsSpan(0, length).Clear();
        ForRows(rows, (first, count) => body(first, count, partials.AsSpan(first / RowsAtOnce * width, width)));
        for (var at = 0; at < length; at += width) FloatVectors.Add(partials.AsSpan(at, width), sum);
    }

    /// <summary>B [k, n] into <paramref name="target"/>.</summary>
    /// <param name="b">[k, n], or [n, k] when <paramref name="transpose"/>; no gaps between rows.</param>
    public void Pack(PackedMatrix target, int k, int n, ReadOnlyMemory<float> b, bool transpose)
    {
        target.Reserve(k, n);
        if (transpose)
        {
            var width = PackedMatrix.PanelColumns;
            team.Run(target.PanelCount, panel => target.PackPanel(
                panel, b.Span.Slice(panel * width * k, Math.Min(width, n - (panel * width)) * k)));
        }
        else
        {
            ForRows(k, (first, count) =>
            {
                for (var row = first; row < first + count; row++) target.WriteRow(row, b.Span.Slice(row * n, n));
            });
        }
    }

    /// <summary>C[m, n] (+)= A[m, k] * B[k, n], rows without gaps.</summary>
    /// <param name="a">[m, k], or [k, m] when <paramref name="transposeA"/>.</param>
    /// <param name="b">[k, n], or [n, k] when <paramref name="transposeB"/>.</param>
    public void Multiply(
        int m, int n, int k, ReadOnlySpan<float> a, bool transposeA, ReadOnlyMemory<float> b, bool transposeB, Span<float> c,
        bool accumulate)
    {
        Pack(scratch, k, n, b, transposeB);
        Multiply(m, a, transposeA, scratch, c, accumulate);
    }

    /// <summary>The same, to the bit, with B packed beforehand.</summary>
    public void Multiply(int m, ReadOnlySpan<float> a, bool transposeA, PackedMatrix b, Span<float> c, bool accumulate) =>
        Gemm.MultiplyParallel(team, m, a, transposeA ? m : b.Rows, transposeA, b, c, b.Columns, accumulate);

    private static int Chunks(int rows) => (rows + RowsAtOnce - 1) / RowsAtOnce;
}
