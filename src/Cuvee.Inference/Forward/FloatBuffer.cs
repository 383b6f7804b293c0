using System.Runtime.CompilerServices;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Scratch that grows and is then reused: aligned to 64 bytes, never moved by the collector. Contents do not survive growth.
/// </summary>
internal sealed unsafe class FloatBuffer
{
    private const int Alignment = 64; // bytes: one cache line, one 512-bit vector

    private float[] memory = [];

    public int Length { get; private set; }

    public float* Pointer { get; private set; }

    public Span<float> Span => new(Pointer, Length);

    /// <summary>At least <paramref name="length"/> floats from here on.</summary>
    public FloatBuffer Reserve(int length)
    {
        if (length <= Length) return this;
        memory = GC.AllocateUninitializedArray<float>(length + (Alignment / sizeof(float)), pinned: true);
        var start = (nint)Unsafe.AsPointer(ref memory[0]);
        Pointer = (float*)((start + Alignment - 1) & ~(nint)(Alignment - 1));
        Length = length;
        return this;
    }
}
