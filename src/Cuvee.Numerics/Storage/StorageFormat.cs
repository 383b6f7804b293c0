using System.Runtime.InteropServices;

namespace Cuvee.Numerics;

/// <summary>How the elements of a <see cref="StoredMatrix"/> lie in memory.</summary>
public enum StorageFormat
{
    F32,
    BF16,
    F16,

    /// <summary>Q8_0: blocks of 32 elements along a row: one fp16 scale, then 32 signed bytes; element = scale * byte
    /// (llama.cpp).</summary>
    Q80,
}

public static unsafe class StorageFormats
{
    /// <summary>Elements of a Q8_0 block.</summary>
    public const int BlockElements = 32;

    /// <summary>Bytes of a Q8_0 block.</summary>
    public const int BlockBytes = 2 + BlockElements;

    /// <summary>Bytes of one row of <paramref name="columns"/> elements.</summary>
    /// <exception cref="ArgumentException">Q8_0 rows must be whole blocks.</exception>
    public static nint RowBytes(this StorageFormat format, int columns)
    {
        if (format != StorageFormat.Q80) return (nint)columns * (format == StorageFormat.F32 ? sizeof(float) : sizeof(ushort));
        return columns % BlockElements == 0
            ? columns / BlockElements * (nint)BlockBytes
            : throw new ArgumentException($"A Q8_0 row holds whole blocks of {BlockElements}, not {columns} elements.", nameof(columns));
    }

    /// <summary>The first elements of a row to fp32, exactly.</summary>
    /// <param name="source">Any alignment.</param>
    /// <param name="target">[elements]; for Q8_0 whole blocks.</param>
    internal static void Widen(this StorageFormat format, byte* source, Span<float> target)
    {
        switch (format)
        {
            case StorageFormat.F32:
                new ReadOnlySpan<byte>(source, target.Length * sizeof(float)).CopyTo(MemoryMarshal.AsBytes(target));
                break;
            case StorageFormat.BF16:
                BFloat16.ToSingle(new ReadOnlySpan<ushort>(source, target.Length), target);
                break;
            case StorageFormat.F16:
                Float16.ToSingle(new ReadOnlySpan<Half>(source, target.Length), target);
                break;
            default:
                Int8Blocks.ToSingle(source, target);
                break;
        }
    }

    /// <summary>Whole rows from fp32, rounded to nearest with ties to even.</summary>
    /// <param name="source">[elements], finite; for Q8_0 whole blocks.</param>
    /// <param name="target">As many bytes as the elements take.</param>
    public static void Narrow(this StorageFormat format, ReadOnlySpan<float> source, Span<byte> target)
    {
        switch (format)
        {
            case StorageFormat.F32:
                MemoryMarshal.AsBytes(source).CopyTo(target);
                break;
            case StorageFormat.BF16:
                BFloat16.FromSingle(source, MemoryMarshal.Cast<byte, ushort>(target));
                break;
            case StorageFormat.F16:
                Float16.FromSingle(source, MemoryMarshal.Cast<byte, Half>(target));
                break;
            default:
                Int8Blocks.FromSingle(source, target);
                break;
        }
    }
}
