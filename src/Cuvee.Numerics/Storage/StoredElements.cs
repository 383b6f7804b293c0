using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>
/// One format as the kernels read it: blocks of 32 elements along a row, a vector of them at a time. The kernels are written once and
/// compiled for every format and vector width.
/// </summary>
internal unsafe interface IStoredElements
{
    /// <summary>Bytes of 32 elements.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Rows of x from which it pays to widen the weight into memory once, rather than in registers for every tile.</summary>
    static abstract int FewestWidened { get; }

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

    public static int FewestWidened => 8; // the copy's stride keeps four rows out of the same lines of L1

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Load((float*)block + index);
}

internal readonly unsafe struct ElementsBF16 : IStoredElements
{
    public static int BlockBytes => sizeof(ushort) * StorageFormats.BlockElements;

    public static int FewestWidened => int.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.LoadBFloat16((ushort*)block + index);
}

internal readonly unsafe struct ElementsF16 : IStoredElements
{
    public static int BlockBytes => sizeof(ushort) * StorageFormats.BlockElements;

    public static int FewestWidened => Vector512.IsHardwareAccelerated ? 8 : 2; // a tile with the constants of fp16 spills 16 registers

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.LoadFloat16((ushort*)block + index);
}

/// <summary>Scale times byte has at most 11 + 8 significant bits: exact in fp32, so no order of operations shows.</summary>
internal readonly unsafe struct ElementsQ80 : IStoredElements
{
    public static int BlockBytes => StorageFormats.BlockBytes;

    public static int FewestWidened => 2; // a tile with four scales spills any number of registers

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Scale<TLanes, TVector>(byte* block)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Broadcast(Float16Bits.ToSingle(Unsafe.ReadUnaligned<ushort>(block)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* block, int index, TVector scale)
        where TLanes : IStoredLanes<TVector>
        where TVector : struct => TLanes.Multiply(TLanes.LoadInt8((sbyte*)block + sizeof(ushort) + index), scale);
}
