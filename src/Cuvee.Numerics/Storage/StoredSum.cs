using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>
/// Sums of stored matrices, small entries left out: widened, masked and added in registers. Each element of the sum is one fused
/// multiply-add per matrix: the same bits in every vector width.
/// </summary>
public static unsafe class StoredSum
{
    /// <summary>sum += scale * x where |x| &gt;= threshold.</summary>
    /// <param name="firstRow">Of the source.</param>
    /// <param name="threshold">0 takes every entry, positive infinity none.</param>
    /// <param name="sum">[count, columns]</param>
    public static void AddScaledKept(StoredMatrix source, int firstRow, int count, float threshold, float scale, Span<float> sum)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)firstRow + count, source.Rows, nameof(count));
        var elements = checked(count * source.Columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(sum.Length, elements, nameof(sum));
        var from = source.Data + (firstRow * source.RowBytes);
        fixed (float* to = sum)
        {
            switch (source.Format)
            {
                case StorageFormat.F32:
                    Add<ElementsF32>(from, elements, threshold, scale, to);
                    break;
                case StorageFormat.BF16:
                    Add<ElementsBF16>(from, elements, threshold, scale, to);
                    break;
                case StorageFormat.F16:
                    Add<ElementsF16>(from, elements, threshold, scale, to);
                    break;
                default:
                    Add<ElementsQ80>(from, elements, threshold, scale, to);
                    break;
            }
        }

        GC.KeepAlive(source);
    }

    private static void Add<TElements>(byte* from, int elements, float threshold, float scale, float* to)
        where TElements : IStoredElements
    {
        if (Avx512F.IsSupported) Add<TElements, Lanes512, Vector512<float>>(from, elements, threshold, scale, to);
        else if (Avx2.IsSupported && Fma.IsSupported) Add<TElements, Lanes256, Vector256<float>>(from, elements, threshold, scale, to);
        else if (Vector128.IsHardwareAccelerated) Add<TElements, Lanes128, Vector128<float>>(from, elements, threshold, scale, to);
        else Add<TElements, LanesScalar, float>(from, elements, threshold, scale, to);
    }

    // Rows lie one behind the other: blocks of 32 elements, and where a format has no blocks of its own, the rest one by one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<TElements, TLanes, TVector>(byte* from, int elements, float threshold, float scale, float* to)
        where TElements : IStoredElements
        where TLanes : IStoredLanes<TVector>
        where TVector : struct
    {
        var (limit, factor) = (TLanes.Broadcast(threshold), TLanes.Broadcast(scale));
        var blocks = elements / StorageFormats.BlockElements;
        for (var block = 0; block < blocks; block++, from += TElements.BlockBytes, to += StorageFormats.BlockElements)
        {
            var blockScale = TElements.Scale<TLanes, TVector>(from);
            for (var i = 0; i < StorageFormats.BlockElements; i += TLanes.Count)
            {
                var x = TLanes.KeepLarge(TElements.Load<TLanes, TVector>(from, i, blockScale), limit);
                TLanes.Store(TLanes.FusedMultiplyAdd(x, factor, TLanes.Load(to + i)), to + i);
            }
        }

        for (var i = 0; i < elements % StorageFormats.BlockElements; i++)
        {
            var x = LanesScalar.KeepLarge(TElements.Load<LanesScalar, float>(from, i, 0), threshold);
            to[i] = LanesScalar.FusedMultiplyAdd(x, scale, to[i]);
        }
    }
}
