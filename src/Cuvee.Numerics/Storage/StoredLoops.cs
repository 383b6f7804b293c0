using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>
/// The loops around <see cref="StoredKernel{TLanes, TVector}"/>: four rows of the weight at a time, read from memory once whatever m. Few
/// rows of x run past the weight as stored; from <see cref="FewestWidened"/> on, a chunk of the four rows is widened into L1 first and
/// serves all of them. The last k mod 32 elements are padded with zeros to a block of their own. None of this shows in the bits.
/// </summary>
internal static unsafe class StoredLoops<TElements, TLanes, TVector>
    where TElements : IStoredElements
    where TLanes : IStoredLanes<TVector>
    where TVector : struct
{
    private const int Elements = StorageFormats.BlockElements;
    private const int Height = 4; // rows of the weight at a time
    private const int FewestWidened = 4;
    private const int RowsOfX = 32; // at a time
    private const int Chunk = 1024; // elements: four widened rows are 16 KiB
    private const int ChunkStride = Chunk + 16; // floats; a multiple of 4 KiB would put the four rows into the same lines of L1

    /// <param name="x">[m, k], <paramref name="ldx"/> floats between rows.</param>
    /// <param name="weight">[rows, k], <paramref name="rowBytes"/> bytes between rows.</param>
    /// <param name="y">[m, rows], <paramref name="ldy"/> floats between rows.</param>
    [SkipLocalsInit]
    public static void Multiply(int m, int k, int rows, float* x, nint ldx, byte* weight, nint rowBytes, float* y, nint ldy)
    {
        var memory = stackalloc byte[Scratch.Bytes];
        var scratch = new Scratch(memory);
        for (; m > 0; m -= RowsOfX, x += RowsOfX * ldx, y += RowsOfX * ldy)
        {
            var count = Math.Min(m, RowsOfX);
            PadRows(count, k, (byte*)x, ldx * sizeof(float), sizeof(float), (byte*)scratch.EndOfX, Elements * sizeof(float));
            for (int row = 0, height; row < rows; row += height)
            {
                height = rows - row >= Height ? Height : 1; // a row alone is computed four times over
                Accumulate(count, k, x, ldx, weight + (row * rowBytes), height == 1 ? 0 : rowBytes, scratch);
                for (var i = 0; i < count; i++)
                {
                    Fold(scratch.Sums + (i * Height * TLanes.Count), scratch.Folded);
                    new ReadOnlySpan<float>(scratch.Folded, height).CopyTo(new Span<float>(y + (i * ldy) + row, height));
                }
            }
        }
    }

    // Four rows of the weight, stride bytes apart, times m rows of x.
    private static void Accumulate(int m, int k, float* x, nint ldx, byte* row, nint stride, in Scratch scratch)
    {
        new Span<float>(scratch.Sums, m * Height * TLanes.Count).Clear();
        var whole = k - (k % Elements);
        for (int p = 0, length; p < whole; p += length)
        {
            length = m < FewestWidened ? whole : Math.Min(Chunk, whole - p);
            AccumulateChunk(m, length, x + p, ldx, row + (p / Elements * TElements.BlockBytes), stride, scratch);
        }

        if (whole == k) return;
        PadRows(Height, k, row, stride, TElements.BlockBytes / Elements, scratch.EndOfRows, TElements.BlockBytes);
        AccumulateChunk(m, Elements, scratch.EndOfX, Elements, scratch.EndOfRows, TElements.BlockBytes, scratch);
    }

    private static void AccumulateChunk(int m, int length, float* x, nint ldx, byte* row, nint stride, in Scratch scratch)
    {
        var sums = scratch.Sums;
        if (m < FewestWidened)
        {
            for (; m > 0; m--, x += ldx, sums += Height * TLanes.Count)
                StoredKernel<TLanes, TVector>.OneByFour<TElements>(length / Elements, x, row, stride, sums);
            return;
        }

        for (var i = 0; i < Height; i++)
            StoredKernel<TLanes, TVector>.Widen<TElements>(length / Elements, row + (i * stride), scratch.Widened + (i * ChunkStride));
        var tall = Has32Registers ? 4 : 2;
        for (; m >= tall; m -= tall, x += tall * ldx, sums += tall * Height * TLanes.Count)
        {
            if (Has32Registers) StoredKernel<TLanes, TVector>.FourByFour(length, x, ldx, scratch.Widened, ChunkStride, sums);
            else StoredKernel<TLanes, TVector>.TwoByFour(length, x, ldx, scratch.Widened, ChunkStride, sums);
        }

        for (; m > 0; m--, x += ldx, sums += Height * TLanes.Count)
        {
            StoredKernel<TLanes, TVector>.OneByFour<ElementsF32>(
                length / Elements, x, (byte*)scratch.Widened, ChunkStride * sizeof(float), sums);
        }
    }

    private static bool Has32Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(TVector) == typeof(Vector512<float>) || AdvSimd.IsSupported;
    }

    private static void Fold(float* sums, float* to) => TLanes.Fold(
        TLanes.Load(sums), TLanes.Load(sums + TLanes.Count), TLanes.Load(sums + (2 * TLanes.Count)), TLanes.Load(sums + (3 * TLanes.Count)),
        to);

    // The last k mod 32 elements of every row and zeros up to a block. Q8_0 rows never come here: they are whole blocks.
    private static void PadRows(int rows, int k, byte* from, nint stride, int elementBytes, byte* to, int blockBytes)
    {
        var rest = k % Elements * elementBytes;
        if (rest == 0) return;
        from += (nint)(k - (k % Elements)) * elementBytes;
        for (var row = 0; row < rows; row++, from += stride, to += blockBytes)
        {
            new ReadOnlySpan<byte>(from, rest).CopyTo(new Span<byte>(to, rest));
            new Span<byte>(to + rest, blockBytes - rest).Clear();
        }
    }

    /// <summary>Memory of one product, on the stack and aligned to 64 bytes.</summary>
    private readonly struct Scratch(byte* memory)
    {
        private const int Alignment = 64;
        private const int WidestVector = 16; // floats
        private const int SumsLength = RowsOfX * Height * WidestVector, WidenedLength = Height * ChunkStride,
            EndLength = RowsOfX * Elements;

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
