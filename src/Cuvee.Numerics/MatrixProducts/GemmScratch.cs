using System.Runtime.InteropServices;

namespace Cuvee.Numerics;

/// <summary>One thread's packing buffers, aligned to 64 bytes, allocated at its first product and kept until the thread ends.</summary>
internal sealed unsafe class GemmScratch
{
    [ThreadStatic]
    private static GemmScratch? current;

    private readonly float* memory;

    private GemmScratch()
    {
        var length = GemmBlocks.PackedA + GemmBlocks.PackedB + GemmBlocks.Tile;
        memory = (float*)NativeMemory.AlignedAlloc((nuint)length * sizeof(float), 4096);
    }

    ~GemmScratch() => NativeMemory.AlignedFree(memory);

    public static GemmScratch Current => current ??= new GemmScratch();

    /// <summary>[panels of rows, k, rows], <see cref="GemmBlocks.PackedA"/> floats.</summary>
    public float* A => memory;

    /// <summary>[panels of columns, k, columns], <see cref="GemmBlocks.PackedB"/> floats.</summary>
    public float* B => memory + GemmBlocks.PackedA;

    /// <summary>One tile of C, where the real one would cross the edge.</summary>
    public float* Tile => memory + GemmBlocks.PackedA + GemmBlocks.PackedB;
}
