using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>
/// The right operand B [k, n] of <see cref="Gemm"/> in the order its kernel reads: panels [ceil(n / w), k, w] of w = 32, 16, 8 or 4
/// columns, the last one padded with zeros. Pack a weight once, multiply many chunks of rows with it; packing again reuses the memory while
/// it suffices. Reading from several threads is safe, packing is not.
/// </summary>
public sealed unsafe class PackedMatrix
{
    private const int Alignment = 64; // bytes: one cache line, one 512-bit vector

    private float[] memory = [];
    private nint offset; // floats to the first aligned one

    /// <summary>k, the dimension summed over.</summary>
    public int Rows { get; private set; }

    /// <summary>n.</summary>
    public int Columns { get; private set; }

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

    /// <summary>Takes the shape [k, n]; the contents are undefined until packed.</summary>
    internal void Reserve(int k, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        var width = Gemm.PanelColumns;
        var length = checked((n + width - 1) / width * width * k);
        if (memory.Length < length + (Alignment / sizeof(float)) || memory.Length == 0)
        {
            memory = GC.AllocateUninitializedArray<float>(length + (Alignment / sizeof(float)), pinned: true);
            var address = (nint)Unsafe.AsPointer(ref memory[0]);
            offset = ((-address) & (Alignment - 1)) / sizeof(float);
        }

        Rows = k;
        Columns = n;
    }
}
