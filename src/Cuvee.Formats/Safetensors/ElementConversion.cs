using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Cuvee.Numerics;

namespace Cuvee.Formats.Safetensors;

/// <summary>Little-endian element bytes to fp32 and back. Narrowing rounds to nearest, ties to even.</summary>
internal static class ElementConversion
{
    /// <param name="source">[count * element size] bytes, any alignment.</param>
    /// <param name="type">Of <paramref name="source"/>.</param>
    /// <param name="target">[count]; an F64 value outside fp32 becomes infinity.</param>
    public static void Decode(ReadOnlySpan<byte> source, TensorType type, Span<float> target)
    {
        switch (type)
        {
            case TensorType.F32:
                source.CopyTo(MemoryMarshal.AsBytes(target));
                break;
            case TensorType.BF16:
                BFloat16.ToSingle(MemoryMarshal.Cast<byte, ushort>(source), target);
                break;
            case TensorType.F16:
                Float16.ToSingle(MemoryMarshal.Cast<byte, Half>(source), target);
                break;
            case TensorType.F64:
                for (var i = 0; i < target.Length; i++) target[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * i)..]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }

    /// <summary>Writes all values; returns the first index whose finite value became infinite, or -1.</summary>
    /// <param name="source">[count], finite.</param>
    /// <param name="type">Of <paramref name="target"/>.</param>
    /// <param name="target">[count * element size] bytes.</param>
    public static int Encode(ReadOnlySpan<float> source, TensorType type, Span<byte> target)
    {
        var overflow = -1;
        switch (type)
        {
            case TensorType.F32:
                MemoryMarshal.AsBytes(source).CopyTo(target);
                break;
            case TensorType.BF16:
                BFloat16.FromSingle(source, MemoryMarshal.Cast<byte, ushort>(target));
                overflow = FirstWithExponent(MemoryMarshal.Cast<byte, ushort>(target), 0x7F80);
                break;
            case TensorType.F16:
                Float16.FromSingle(source, MemoryMarshal.Cast<byte, Half>(target));
                overflow = FirstWithExponent(MemoryMarshal.Cast<byte, ushort>(target), 0x7C00);
                break;
            case TensorType.F64:
                for (var i = 0; i < source.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(target[(8 * i)..], source[i]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }

        return overflow;
    }

    // An exponent of all ones: infinity or NaN.
    private static int FirstWithExponent(ReadOnlySpan<ushort> bits, ushort exponent)
    {
        var ones = new Vector<ushort>(exponent);
        var i = 0;
        while (i + Vector<ushort>.Count <= bits.Length
            && !Vector.EqualsAny(new Vector<ushort>(bits[i..]) & ones, ones)) i += Vector<ushort>.Count;
        for (; i < bits.Length; i++) if ((bits[i] & exponent) == exponent) return i;
        return -1;
    }

    /// <summary>Index of the first NaN or infinity, or -1.</summary>
    public static int IndexOfNotFinite(ReadOnlySpan<float> values)
    {
        var exponent = new Vector<uint>(0x7F80_0000);
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var bits = Vector.AsVectorUInt32(new Vector<float>(values[i..]));
            if (Vector.EqualsAny(bits & exponent, exponent)) break;
        }

        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i])) return i;
        }

        return -1;
    }
}
