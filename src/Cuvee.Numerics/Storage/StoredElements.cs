using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>
/// One format as the kernels read it: blocks of 32 elements along a row, a vector of them at a time. The kernels are written once and
/// compiled for every format and vector width.
/// </summary>
internal unsafe interface IStoredElements
{
    /// <summary>Bytes of 32 elements.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>What all elements of a block are multiplied with; zero, and not read, where a format has none.</summary>
    static virtual TVector Scale<TLanes, TVector>(byte* block)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => default;

    /// <param name="index">First element within the block, a multiple of the vector's lanes.</param>
    static abstract TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct;
}

internal readonly unsafe struct ElementsF32 : IStoredElements
{
    public static int BlockBytes => sizeof(float) * StorageFormats.BlockElements;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Load((float*)block + index);
}

internal readonly unsafe struct ElementsBF16 : IStoredElements
{
    public static int BlockBytes => sizeof(ushort) * StorageFormats.BlockElements;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.LoadBFloat16((ushort*)block + index);
}

internal readonly unsafe struct ElementsF16 : IStoredElements
{
    public static int BlockBytes => sizeof(ushort) * StorageFormats.BlockElements;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.LoadFloat16((ushort*)block + index);
}

/// <summary>Scale times byte has at most 11 + 8 significant bits: exact in fp32, so no order of operations shows.</summary>
internal readonly unsafe struct ElementsQ80 : IStoredElements
{
    public static int BlockBytes => StorageFormats.BlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Scale<TLanes, TVector>(byte* block)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Broadcast(Float16Bits.ToSingle(Unsafe.ReadUnaligned<ushort>(block)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Multiply(TLanes.LoadInt8((sbyte*)block + sizeof(ushort) + index), scale);
}
