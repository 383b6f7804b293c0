using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>
/// The right operand B [k, n] of <see cref="Gemm"/> in the order its kernel reads: panels [ceil(n / w), k, w] of w = 32, 16, 8 or 4
/// columns, the last one padded with zeros. Pack a weight once, multiply many chunks of rows with it; packing again reuses the memory while
/// it suffices. Reading from several threads is safe, and so is packing different panels; reserving is not.
/// </summary>
public sealed unsafe class PackedMatrix
{
    private const int Alignment = 64; // bytes: one cache line, one 512-bit vector

    private float[] memory = [];
    private nint offset; // floats to the first aligned one

    /// <summary>Columns of one panel on this machine: 32, 16, 8 or 4.</summary>
    public static int PanelColumns => Gemm.PanelColumns;

    /// <summary>k, the dimension summed over.</summary>
    public int Rows { get; private set; }

    /// <summary>n.</summary>
    public int Columns { get; private set; }

    /// <summary>Panels that hold the <see cref="Columns"/>: ceil(n / <see cref="PanelColumns"/>).</summary>
    public int PanelCount => (int)(((long)Columns + PanelColumns - 1) / PanelColumns);

    internal float* Panels => (float*)Unsafe.AsPointer(ref memory[0]) + offset; // pinned object heap: never moves

    /// <param name="k">Rows of B, at least 0.</param>
    /// <param name="n">Columns of B, at least 0.</param>
    /// <param name="b">
    /// [k, n], or [n, k] when <paramref name="transpose"/> (a weight [out, in] that multiplies activations [tokens, in]).
    /// </param>
    /// <param name="ldb">Floats between rows of <paramref name="b"/> as stored.</param>
    /// <param name="transpose">Whether <paramref name="b"/> is stored as [n, k].</param>
    public static PackedMatrix From(int k, int n, ReadOnlySpan<float> b, int ldb, bool transpose)
    {
        var packed = new PackedMatrix();
        packed.Pack(k, n, b, ldb, transpose);
        return packed;
    }

    /// <inheritdoc cref="From"/>
    public void Pack(int k, int n, ReadOnlySpan<float> b, int ldb, bool transpose)
    {
        Reserve(k, n);
        if (k == 0 || n == 0) return;
        Gemm.CheckOperand(transpose ? n : k, transpose ? k : n, b.Length, ldb, nameof(b));
        fixed (float* source = b) Gemm.PackB(n, k, source, ldb, transpose, Panels);
        GC.KeepAlive(this);
    }

    /// <summary>B = weight[firstRow .. firstRow + rows, :]^T, widened while it is packed: k = weight columns, n = rows.</summary>
    /// <param name="weight">[out, in]</param>
    /// <param name="firstRow">Of the weight.</param>
    /// <param name="rows">Of the weight: columns of B.</param>
    public void Pack(StoredMatrix weight, int firstRow, int rows)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)firstRow + rows, weight.Rows, nameof(rows));
        Reserve(weight.Columns, rows);
        for (var i = 0; i < PanelCount; i++) PackPanel(i, weight, firstRow + (i * PanelColumns));
    }

    /// <summary>Takes the shape [k, n]; the contents are undefined until every panel is packed or written.</summary>
    /// <exception cref="ArgumentException">More floats than one array holds (2^31).</exception>
    public void Reserve(int k, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        var floats = (((long)n + PanelColumns - 1) / PanelColumns * PanelColumns * k) + (Alignment / sizeof(float)); // below 2^63
        if (floats > Array.MaxLength)
            throw new ArgumentException($"A packed matrix [{k}, {n}] takes {floats} floats; one holds at most {Array.MaxLength}.",
                nameof(n));
        if (memory.Length < floats)
        {
            memory = GC.AllocateUninitializedArray<float>((int)floats, pinned: true);
            var address = (nint)Unsafe.AsPointer(ref memory[0]);
            offset = ((-address) & (Alignment - 1)) / sizeof(float);
        }

        Rows = k;
        Columns = n;
    }

    /// <summary>One panel to read or write, valid until the next <see cref="Reserve"/>.</summary>
    /// <param name="index">0 .. <see cref="PanelCount"/> - 1: columns from index * <see cref="PanelColumns"/> on.</param>
    /// <returns>[k, <see cref="PanelColumns"/>]; columns beyond n must be written with finite numbers.</returns>
    public Span<float> Panel(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)PanelCount, nameof(index));
        var floats = Rows * PanelColumns; // an array holds it
        return memory.AsSpan((int)(offset + ((nint)index * floats)), floats);
    }

    /// <summary>
    /// One panel = weight[firstRow .., :]^T: as many rows of the weight as there are and as the panel holds columns of B, widened and
    /// transposed; the other columns become zero. Different panels may be packed by different threads.
    /// </summary>
    /// <param name="index">0 .. <see cref="PanelCount"/> - 1.</param>
    /// <param name="weight">[out, k]</param>
    /// <param name="firstRow">Of the weight: the panel's first column.</param>
    public void PackPanel(int index, StoredMatrix weight, int firstRow)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)firstRow, (uint)weight.Rows, nameof(firstRow));
        if (weight.Columns != Rows)
            throw new ArgumentException($"The weight has {weight.Columns} columns, B has {Rows} rows; they must agree.", nameof(weight));
        var lanes = Math.Min(Math.Min(PanelColumns, Columns - (index * PanelColumns)), weight.Rows - firstRow);
        fixed (float* panel = Panel(index)) StoredPanelPacking.Pack(weight, firstRow, lanes, panel, PanelColumns);
    }

    /// <summary>The same from fp32 rows: one panel = rows^T, missing columns zero.</summary>
    /// <param name="rows">[at most <see cref="PanelColumns"/>, k]</param>
    public void PackPanel(int index, ReadOnlySpan<float> rows)
    {
        if (Rows == 0) return;
        fixed (float* source = rows, panel = Panel(index)) Gemm.PackB(rows.Length / Rows, Rows, source, Rows, transpose: true, panel);
    }

    /// <summary>Row <paramref name="k"/> of B into all panels, columns beyond n as zeros. Different rows may be written by different
    /// threads.</summary>
    /// <param name="row">[n]</param>
    public void WriteRow(int k, ReadOnlySpan<float> row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)k, (uint)Rows, nameof(k));
        var width = PanelColumns;
        var to = Panels + ((nint)k * width);
        for (; row.Length > 0; to += (nint)Rows * width)
        {
            var lanes = Math.Min(width, row.Length);
            var slot = new Span<float>(to, width);
            row[..lanes].CopyTo(slot);
            slot[lanes..].Clear();
            row = row[lanes..];
        }
    }
}
