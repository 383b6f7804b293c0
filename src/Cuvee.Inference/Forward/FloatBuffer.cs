using System.Runtime.InteropServices;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Scratch that grows and is then reused: aligned to 64 bytes, outside the collector's heap, freed with this object. Contents do not
/// survive growth.
/// </summary>
internal sealed unsafe class FloatBuffer
{
    private const int Alignment = 64; // bytes: one cache line, one 512-bit vector

    ~FloatBuffer() => Free();

    /// <summary>Floats.</summary>
    public long Length { get; private set; }

    public float* Pointer { get; private set; }

    /// <summary>At least <paramref name="length"/> floats from here on.</summary>
    public FloatBuffer Reserve(long length)
    {
        if (length <= Length) return this;
        Free();
        Pointer = (float*)NativeMemory.AlignedAlloc(checked((nuint)length * sizeof(float)), Alignment);
        Length = length;
        return this;
    }

    /// <summary>Gives the memory back; the next <see cref="Reserve"/> takes new one.</summary>
    public void Free()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        Length = 0;
    }

    public Span<float> Slice(long start, int length) => start >= 0 && length >= 0 && start + length <= Length
        ? new Span<float>(Pointer + start, length)
        : throw new ArgumentOutOfRangeException(nameof(start));
}
