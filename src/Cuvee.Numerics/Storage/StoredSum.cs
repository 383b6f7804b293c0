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
    private const int MostAtOnce = 64; // addresses on the stack, streams from memory

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

    /// <summary>sum = weights[0] * sources[0] + weights[1] * sources[1] + ..., added in this order from 0. Sources of one format are read
    /// and added in one pass: as fast as memory gives them.</summary>
    /// <param name="sources">All of one shape.</param>
    /// <param name="firstRow">Of every source.</param>
    /// <param name="sum">[count, columns]</param>
    public static void Weighted(
        ReadOnlySpan<StoredMatrix> sources, ReadOnlySpan<float> weights, int firstRow, int count, Span<float> sum)
    {
        if (sources.Length == 0 || sources.Length != weights.Length)
            throw new ArgumentException($"{weights.Length} weights for {sources.Length} matrices; give one each.", nameof(weights));
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var first = sources[0];
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)firstRow + count, first.Rows, nameof(count));
        var elements = checked(count * first.Columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(sum.Length, elements, nameof(sum));
        var sameFormat = true;
        foreach (var source in sources)
        {
            if (source.Rows != first.Rows || source.Columns != first.Columns)
                throw new ArgumentException("The matrices have different shapes; sum those of one.", nameof(sources));
            sameFormat &= source.Format == first.Format;
        }

        if (!sameFormat || sources.Length > MostAtOnce)
        {
            sum[..elements].Clear();
            for (var i = 0; i < sources.Length; i++) AddScaledKept(sources[i], firstRow, count, 0, weights[i], sum);
            return;
        }

        var from = stackalloc byte*[sources.Length];
        for (var i = 0; i < sources.Length; i++) from[i] = sources[i].Data + (firstRow * first.RowBytes);
        fixed (float* factors = weights, to = sum)
        {
            switch (first.Format)
            {
                case StorageFormat.F32:
                    Weighted<ElementsF32>(from, factors, sources.Length, elements, to);
                    break;
                case StorageFormat.BF16:
                    Weighted<ElementsBF16>(from, factors, sources.Length, elements, to);
                    break;
                case StorageFormat.F16:
                    Weighted<ElementsF16>(from, factors, sources.Length, elements, to);
                    break;
                default:
                    Weighted<ElementsQ80>(from, factors, sources.Length, elements, to);
                    break;
            }
        }

        foreach (var source in sources) GC.KeepAlive(source);
    }

    private static void Weighted<TElements>(byte** from, float* factors, int sources, int elements, float* to)
        where TElements : IStoredElements
    {
        if (Avx512F.IsSupported) Weighted<TElements, Lanes512, Vector512<float>>(from, factors, sources, elements, to);
        else if (Avx2.IsSupported && Fma.IsSupported) Weighted<TElements, Lanes256, Vector256<float>>(from, factors, sources, elements, to);
        else if (Vector128.IsHardwareAccelerated) Weighted<TElements, Lanes128, Vector128<float>>(from, factors, sources, elements, to);
        else Weighted<TElements, LanesScalar, float>(from, factors, sources, elements, to);
    }

    // Two vectors of the sum stay in registers while every source is added to them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weighted<TElements, TLanes, TVector>(byte** from, float* factors, int sources, int elements, float* to)
        where TElements : IStoredElements
        where TLanes : IStoredLanes<TVector>
        where TVector : struct
    {
        var whole = (nint)(elements / StorageFormats.BlockElements);
        for (nint block = 0; block < whole; block++, to += StorageFormats.BlockElements)
        {
            for (var i = 0; i < StorageFormats.BlockElements; i += 2 * TLanes.Count)
            {
                var (first, second) = (TLanes.Broadcast(0), TLanes.Broadcast(0));
                for (nint source = 0; source < sources; source++)
                {
                    var at = from[source] + (block * TElements.BlockBytes);
                    var (factor, scale) = (TLanes.Broadcast(factors[source]), TElements.Scale<TLanes, TVector>(at));
                    first = TLanes.FusedMultiplyAdd(TElements.Load<TLanes, TVector>(at, i, scale), factor, first);
                    second = TLanes.FusedMultiplyAdd(TElements.Load<TLanes, TVector>(at, i + TLanes.Count, scale), factor, second);
                }

                TLanes.Store(first, to + i);
                TLanes.Store(second, to + i + TLanes.Count);
            }
        }

        for (var i = 0; i < elements % StorageFormats.BlockElements; i++)
        {
            var sum = 0f;
            for (var source = 0; source < sources; source++)
            {
                var x = TElements.Load<LanesScalar, float>(from[source] + (whole * TElements.BlockBytes), i, 0);
                sum = LanesScalar.FusedMultiplyAdd(x, factors[source], sum);
            }

            to[i] = sum;
        }
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
