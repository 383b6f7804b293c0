namespace Cuvee.Numerics.Tests.Storage;

/// <summary>Random weights in a format, at an address of any alignment, in memory that ends with the last byte.</summary>
internal static unsafe class StoredWeights
{
    public static StoredMatrix Gaussian(StorageFormat format, int rows, int columns, int misalignment = 0, ulong seed = 1)
    {
        var bytes = GC.AllocateArray<byte>(misalignment + checked((int)(rows * format.RowBytes(columns))), pinned: true);
        var data = bytes.AsSpan(misalignment);
        var values = Rows.Gaussian(rows * columns, seed);
        for (var i = 0; i < values.Length; i++)
        {
            if (format == StorageFormat.F32) BitConverter.TryWriteBytes(data[(4 * i)..], values[i]);
            else if (format == StorageFormat.F16) BitConverter.TryWriteBytes(data[(2 * i)..], (Half)values[i]);
            else if (format == StorageFormat.BF16) BitConverter.TryWriteBytes(data[(2 * i)..], BFloat16.FromSingle(values[i]));
            else WriteQ80(data, i, values[i]);
        }

        fixed (byte* start = bytes) return new StoredMatrix(format, rows, columns, start + misalignment, bytes);
    }

    /// <summary>One row of one half.</summary>
    public static StoredMatrix Constant(Half value, int columns)
    {
        var halves = GC.AllocateArray<Half>(columns, pinned: true);
        Array.Fill(halves, value);
        fixed (Half* start = halves) return new StoredMatrix(StorageFormat.F16, 1, columns, (byte*)start, halves);
    }

    // A block's first element decides its scale; the bytes use the whole range from -128 to 127.
    private static void WriteQ80(Span<byte> data, int element, float value)
    {
        var block = data[(element / StorageFormats.BlockElements * StorageFormats.BlockBytes)..];
        var within = element % StorageFormats.BlockElements;
        if (within == 0) BitConverter.TryWriteBytes(block, (Half)(value / 64));
        block[2 + within] = (byte)(sbyte)Math.Clamp(value * 64, sbyte.MinValue, sbyte.MaxValue);
    }
}
