using System.Runtime.InteropServices;

namespace Cuvee.Numerics;

public static unsafe class StoredMatrixExtensions
{
    /// <summary>A copy of some rows as they are stored, in a new order.</summary>
    /// <param name="rows">Source row of each row of the result.</param>
    public static StoredMatrix Gather(this StoredMatrix source, ReadOnlySpan<int> rows)
    {
        ArgumentNullException.ThrowIfNull(source);
        var bytes = checked((int)source.RowBytes);
        var copy = GC.AllocateUninitializedArray<byte>(checked(rows.Length * bytes), pinned: true);
        for (var row = 0; row < rows.Length; row++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)rows[row], (uint)source.Rows, nameof(rows));
            new ReadOnlySpan<byte>(source.Data + (rows[row] * source.RowBytes), bytes).CopyTo(copy.AsSpan(row * bytes));
        }

        GC.KeepAlive(source);
        var data = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(copy, 0);
        return new StoredMatrix(source.Format, rows.Length, source.Columns, data, copy);
    }

    /// <summary>An fp32 copy with rows and columns exchanged.</summary>
    public static StoredMatrix Transposed(this StoredMatrix source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var (rows, columns) = (source.Rows, source.Columns);
        var transposed = new float[checked(rows * columns)]; // [columns, rows]
        Transposition.Copy(rows, columns, source.ToSingles(), columns, transposed, rows);
        return StoredMatrix.Over(columns, rows, transposed);
    }
}
