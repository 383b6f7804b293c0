using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// A matrix [rows, columns], row-major, as a file or an array stores it: mapped 16-bit or 8-bit weights stay where they lie and are widened
/// when they are read. Immutable to its readers and thread-safe; the memory's owner may write between calls.
/// </summary>
public sealed unsafe class StoredMatrix
{
    private const int CacheLine = 64; // bytes

    private readonly object owner; // keeps the memory alive and in place

    /// <param name="data">First byte, little-endian; any alignment.</param>
    /// <param name="owner">Whatever must live as long as this matrix: a mapping, a pinned array.</param>
    /// <exception cref="ArgumentException">Q8_0 rows must be whole blocks.</exception>
    public StoredMatrix(StorageFormat format, int rows, int columns, byte* data, object owner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentNullException.ThrowIfNull(owner);
        RowBytes = format.RowBytes(columns);
        (Format, Rows, Columns, this.owner) = (format, rows, columns, owner);
        Data = data;
    }

    public StorageFormat Format { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Bytes from one row to the next.</summary>
    public nint RowBytes { get; }

    /// <summary>Bytes of the whole matrix.</summary>
    public long ByteCount => (long)Rows * RowBytes;

    /// <summary>Valid while this object is reachable.</summary>
    internal byte* Data { get; }

    /// <summary>fp32 without a copy: writes to the array are seen.</summary>
    /// <param name="values">[rows, columns]</param>
    public static StoredMatrix Over(int rows, int columns, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != (long)rows * columns)
            throw new ArgumentException($"{values.Length} values are no matrix [{rows}, {columns}].", nameof(values));
        var pin = new Pin(values);
        return new StoredMatrix(StorageFormat.F32, rows, columns, (byte*)pin.Address, pin);
    }

    /// <summary>bf16 without a copy: writes to the array are seen.</summary>
    /// <param name="values">[rows, columns]</param>
    public static StoredMatrix OverBFloat16(int rows, int columns, ushort[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != (long)rows * columns)
            throw new ArgumentException($"{values.Length} values are no matrix [{rows}, {columns}].", nameof(values));
        var pin = new Pin(values);
        return new StoredMatrix(StorageFormat.BF16, rows, columns, (byte*)pin.Address, pin);
    }

    /// <summary>A copy in another format: narrowed to nearest, ties to even; Q8_0 with the largest magnitude of a block as 127.</summary>
    /// <param name="values">[rows, columns], finite.</param>
    public static StoredMatrix Narrowed(StorageFormat format, int rows, int columns, ReadOnlySpan<float> values)
    {
        if (values.Length != (long)rows * columns)
            throw new ArgumentException($"{values.Length} values are no matrix [{rows}, {columns}].", nameof(values));
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)(rows * format.RowBytes(columns))), pinned: true);
        switch (format)
        {
            case StorageFormat.F32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case StorageFormat.BF16:
                BFloat16.FromSingle(values, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
                break;
            case StorageFormat.F16:
                Float16.FromSingle(values, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
                break;
            default:
                Int8Blocks.FromSingle(values, bytes);
                break;
        }

        return new StoredMatrix(format, rows, columns, (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(bytes)), bytes);
    }

    /// <summary>Widens one row.</summary>
    /// <param name="destination">[columns]</param>
    public void ReadRow(int row, Span<float> destination) => ReadRow(row, 0, destination[..Columns]);

    /// <summary>Widens part of a row.</summary>
    /// <param name="firstColumn">In Q8_0 the first of a block.</param>
    /// <param name="destination">As many elements; in Q8_0 whole blocks.</param>
    public void ReadRow(int row, int firstColumn, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows, nameof(row));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)firstColumn + (uint)destination.Length, (uint)Columns, nameof(firstColumn));
        Format.Widen(Data + (row * RowBytes) + Format.RowBytes(firstColumn), destination);
        GC.KeepAlive(owner);
    }

    /// <summary>Widens <paramref name="count"/> rows.</summary>
    /// <param name="destination">[count, columns]</param>
    public void ReadRows(int first, int count, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)first + (uint)count, (uint)Rows, nameof(count));
        Format.Widen(Data + (first * RowBytes), destination[..checked(count * Columns)]); // rows lie one behind the other
        GC.KeepAlive(owner);
    }

    /// <summary>Asks for rows that are read soon: many small matrices, each on pages of its own, are no stream to the processor.</summary>
    public void Prefetch(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)first + (uint)count, (uint)Rows, nameof(count));
        if (!Sse.IsSupported) return;
        var end = Data + ((first + count) * RowBytes);
        for (var line = Data + (first * RowBytes); line < end; line += CacheLine) Sse.Prefetch0(line);
        GC.KeepAlive(owner);
    }

    /// <summary>Index of the first NaN or infinity (of the first such scale's block, in Q8_0), or -1.</summary>
    public long IndexOfNotFinite()
    {
        var index = NotFinite.IndexOf(this);
        GC.KeepAlive(owner);
        return index;
    }

    /// <summary>Whether the other has the same shape and, widened, the same values; -0 equals 0.</summary>
    public bool HasValuesOf(StoredMatrix other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Rows != Rows || other.Columns != Columns) return false;
        var (mine, theirs) = (new float[Columns], new float[Columns]);
        for (var row = 0; row < Rows; row++)
        {
            ReadRow(row, mine);
            other.ReadRow(row, theirs);
            if (!mine.AsSpan().SequenceEqual(theirs)) return false;
        }

        return true;
    }

    /// <summary>Whether every value is 0.</summary>
    public bool IsZero()
    {
        var values = new float[Columns];
        for (var row = 0; row < Rows; row++)
        {
            ReadRow(row, values);
            if (values.AsSpan().ContainsAnyExcept(0f)) return false;
        }

        return true;
    }

    /// <summary>All of it, widened. For tests and small matrices.</summary>
    /// <returns>[rows, columns]</returns>
    public float[] ToSingles()
    {
        var values = GC.AllocateUninitializedArray<float>(checked(Rows * Columns));
        ReadRows(0, Rows, values);
        return values;
    }

    private sealed class Pin
    {
        private GCHandle handle;

        public Pin(Array array) => handle = GCHandle.Alloc(array, GCHandleType.Pinned);

        ~Pin() => handle.Free();

        public nint Address => handle.AddrOfPinnedObject();
    }
}
