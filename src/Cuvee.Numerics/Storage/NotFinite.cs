using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// Looks for exponents of all ones, which only NaN and infinity have: on the stored bits, at the speed of memory. Lanes of 32 bytes; the
/// rest one by one.
/// </summary>
internal static unsafe class NotFinite
{
    /// <summary>Element index, or -1.</summary>
    public static long IndexOf(StoredMatrix matrix)
    {
        switch (matrix.Format)
        {
            case StorageFormat.F32:
                return IndexOf((uint*)matrix.Data, matrix.Count, 0x7F80_0000);
            case StorageFormat.BF16:
                return IndexOf((ushort*)matrix.Data, matrix.Count, 0x7F80);
            case StorageFormat.F16:
                return IndexOf((ushort*)matrix.Data, matrix.Count, 0x7C00);
            default:
                for (long block = 0; block < matrix.Count / StorageFormats.BlockElements; block++)
                {
                    if (!Half.IsFinite(Unsafe.ReadUnaligned<Half>(matrix.Data + (block * StorageFormats.BlockBytes))))
                        return block * StorageFormats.BlockElements;
                }

                return -1;
        }
    }

    private static long IndexOf(uint* bits, long count, uint exponent)
    {
        var all = Vector256.Create(exponent);
        long i = 0;
        while (i + 32 <= count && !Vector256.EqualsAny(Vector256.Load(bits + i) & all, all)
            && !Vector256.EqualsAny(Vector256.Load(bits + i + 8) & all, all)
                && !Vector256.EqualsAny(Vector256.Load(bits + i + 16) & all, all)
            && !Vector256.EqualsAny(Vector256.Load(bits + i + 24) & all, all))
            i += 32;
        for (; i < count; i++) if ((Unsafe.ReadUnaligned<uint>(bits + i) & exponent) == exponent) return i;
        return -1;
    }

    private static long IndexOf(ushort* bits, long count, ushort exponent)
    {
        var all = Vector256.Create(exponent);
        long i = 0;
        while (i + 64 <= count && !Vector256.EqualsAny(Vector256.Load(bits + i) & all, all)
            && !Vector256.EqualsAny(Vector256.Load(bits + i + 16) & all, all)
                && !Vector256.EqualsAny(Vector256.Load(bits + i + 32) & all, all)
            && !Vector256.EqualsAny(Vector256.Load(bits + i + 48) & all, all))
            i += 64;
        for (; i < count; i++) if ((Unsafe.ReadUnaligned<ushort>(bits + i) & exponent) == exponent) return i;
        return -1;
    }
}
