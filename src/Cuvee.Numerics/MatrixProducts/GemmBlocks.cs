namespace Cuvee.Numerics;

/// <summary>
/// Cache blocking in floats: a panel of B [Depth, 32] is 32 KiB and stays in L1 while the packed block of A [Rows, Depth] (384 KiB) streams
/// from L2 beside it. None of these numbers changes the bits of a result.
/// </summary>
internal static class GemmBlocks
{
    /// <summary>k per block.</summary>
    public const int Depth = 256;

    /// <summary>Rows of A packed at once; a multiple of every kernel's tall tile.</summary>
    public const int Rows = 384;

    /// <summary>Columns of B packed at once when the caller has not packed it; a multiple of every kernel's columns.</summary>
    public const int Columns = 1024;

    public const int PackedA = (Rows + 16) * Depth;

    public const int PackedB = Columns * Depth;

    public const int Tile = 16 * 32;
}
