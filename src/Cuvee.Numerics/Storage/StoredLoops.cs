using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>
/// The loops around <see cref="StoredKernel{TLanes, TVector}"/>: four rows of the weight at a time, read from memory once whatever m, and
/// widened in registers for every tile of x or, where that costs more, a chunk at a time into L1 for all of them. The last k mod 32
/// elements are padded with zeros to a block of their own. None of this shows in the bits.
/// </summary>
internal static unsafe class StoredLoops<TElements, TLanes, TVector>
    where TElements : IStoredElements
    where TLanes : IStoredLanes<TVector>
    where TVector : struct
{
    private const int Elements = StorageFormats.BlockElements;
    private const int Height = 4; // rows of the weight at a time
    private const int RowsOfX = 32; // at a time
    private const int Ahead = 2048; // bytes beyond the four rows at hand, which are hardly longer than memory's answer takes
    private const int Chunk = 1024; // elements: four widened rows are 16 KiB
    private const int ChunkStride = Chunk + 16; // floats; a multiple of 4 KiB would put the four rows into the same lines of L1

    /// <param name="x">[m, k], <paramref name="ldx"/> floats between rows.</param>
    /// <param name="weight">[rows, k], <paramref name="rowBytes"/> bytes between rows.</param>
    /// <param name="y">[m, rows], <paramref name="ldy"/> floats between rows.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(int m, int k, int rows, float* x, nint ldx, byte* weight, nint rowBytes, float* y, nint ldy)
    {
        var memory = stackalloc byte[Scratch.Bytes];
        var scratch = new Scratch(memory);
        for (; m > 0; m -= RowsOfX, x += RowsOfX * ldx, y += RowsOfX * ldy)
        {
            var count = Math.Min(m, RowsOfX);
            PadRows(
                count, k % Elements, (byte*)(x + (k - (k % Elements))), ldx * sizeof(float), sizeof(float),
                (byte*)scratch.EndOfX, Elements * sizeof(float));
            for (int row = 0, height; row < rows; row += height)
            {
                height = rows - row >= Height ? Height : 1; // a row alone is computed four times over
                Accumulate(count, k, x, ldx, weight + (row * rowBytes), height == 1 ? 0 : rowBytes, scratch);
                for (var i = 0; i < count; i++)
                {
                    var sums = scratch.Sums + (i * Height * TLanes.Count);
                    if (height == 1) Fold(sums, scratch.Folded);
                    else Fold(sums, y + (i * ldy) + row);
                    if (height == 1) y[(i * ldy) + row] = scratch.Folded[0];
                }
            }
        }
    }

    // Four rows of the weight, stride bytes apart, times m rows of x.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Accumulate(int m, int k, float* x, nint ldx, byte* row, nint stride, in Scratch scratch)
    {
        new Span<float>(scratch.Sums, m * Height * TLanes.Count).Clear();
        var (whole, widened) = (k - (k % Elements), m >= TElements.FewestWidened);
        var next = row + (Height * stride) + Ahead;
        for (int p = 0, length; p < whole; p += length)
        {
            length = widened ? Math.Min(Chunk, whole - p) : whole;
            var blocks = length / Elements;
            if (widened)
            {
                for (var i = 0; i < Height; i++)
                    StoredKernel<TLanes, TVector>.Widen<TElements>(blocks, row + (i * stride), scratch.Widened + (i * ChunkStride));
                Tiles<ElementsF32>(m, blocks, x + p, ldx, (byte*)scratch.Widened, ChunkStride * sizeof(float), next, scratch.Sums);
            }
            else Tiles<TElements>(m, blocks, x, ldx, row, stride, next, scratch.Sums);
            row += blocks * TElements.BlockBytes;
            next += blocks * Height * TElements.BlockBytes;
        }

        if (whole == k) return;
        PadRows(Height, k % Elements, row, stride, TElements.BlockBytes / Elements, scratch.EndOfRows, TElements.BlockBytes);
        Tiles<TElements>(m, 1, scratch.EndOfX, Elements, scratch.EndOfRows, TElements.BlockBytes, next, scratch.Sums);
    }

    /// <param name="next">Prefetched, as many bytes as the four rows take as stored, spread over the tiles.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tiles<TStored>(int m, int blocks, float* x, nint ldx, byte* row, nint stride, byte* next, float* sums)
        where TStored : IStoredElements
    {
        var tall = Has32Registers ? 4 : 2;
        var step = Height * TElements.BlockBytes / ((m / tall) + (m % tall));
        for (int height; m > 0; m -= height, x += height * ldx, sums += height * Height * TLanes.Count, next += blocks * step)
        {
            height = m >= tall ? tall : 1;
            if (height == 1) StoredKernel<TLanes, TVector>.OneByFour<TStored>(blocks, x, row, stride, next, step, sums);
            else if (Has32Registers) StoredKernel<TLanes, TVector>.FourByFour<TStored>(blocks, x, ldx, row, stride, next, step, sums);
            else StoredKernel<TLanes, TVector>.TwoByFour<TStored>(blocks, x, ldx, row, stride, next, step, sums);
        }
    }

    private static bool Has32Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(TVector) == typeof(Vector512<float>) || AdvSimd.IsSupported;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(float* sums, float* to) => TLanes.Fold(
        TLanes.Load(sums), TLanes.Load(sums + TLanes.Count),
        TLanes.Load(sums + (2 * TLanes.Count)), TLanes.Load(sums + (3 * TLanes.Count)), to);

    // Fewer than 32 elements of every row, then zeros up to a block. Q8_0 has whole blocks only.
    private static void PadRows(int rows, int elements, byte* from, nint stride, int elementBytes, byte* to, int blockBytes)
    {
        if (elements == 0) return;
        var bytes = elements * elementBytes;
        for (var row = 0; row < rows; row++, from += stride, to += blockBytes)
        {
            new ReadOnlySpan<byte>(from, bytes).CopyTo(new Span<byte>(to, bytes));
            new Span<byte>(to + bytes, blockBytes - bytes).Clear();
        }
    }

    /// <summary>Memory of one product, on the stack and aligned to 64 bytes.</summary>
    private readonly struct Scratch(byte* memory)
    {
        private const int Alignment = 64;
        private const int WidestVector = 16; // floats
        private const int SumsLength = RowsOfX * Height * WidestVector;
        private const int WidenedLength = Height * ChunkStride;
        private const int EndLength = RowsOfX * Elements;

        /// <summary>Takes as many bytes.</summary>
        public const int Bytes = ((SumsLength + WidenedLength + EndLength + (Height * Elements) + Height) * sizeof(float)) + Alignment;

        /// <summary>[RowsOfX, 4, Count]</summary>
        public readonly float* Sums = (float*)(((nint)memory + Alignment - 1) & -Alignment);

        /// <summary>[4, ChunkStride]</summary>
        public float* Widened => Sums + SumsLength;

        /// <summary>[RowsOfX, 32]: the last elements of x, padded.</summary>
        public float* EndOfX => Widened + WidenedLength;

        /// <summary>[4] blocks: the last elements of four rows, padded; 16-bit formats fill half of it.</summary>
        public byte* EndOfRows => (byte*)(EndOfX + EndLength);

        /// <summary>[4]: one row of x times four of the weight.</summary>
        public float* Folded => EndOfX + EndLength + (Height * Elements);
    }
}
