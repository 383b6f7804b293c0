namespace Cuvee.Inference.Forward;

/// <summary>
/// Keys and values of one sequence, per layer and key-value head: keys transposed [headDim, capacity] (so that scores of many positions are
/// formed by vectors), values [capacity, paddedHeadDim].
/// </summary>
internal sealed unsafe class KvCache
{
    public const int Lanes = 16; // capacity and value rows are whole 512-bit vectors

    private readonly FloatBuffer memory = new();
    private int heads, keyFloats, headFloats;

    /// <summary>Positions held.</summary>
    public int Length { get; set; }

    /// <summary>Positions that fit; a multiple of <see cref="Lanes"/>.</summary>
    public int Capacity { get; private set; }

    /// <summary>Empties the cache and makes room for <paramref name="positions"/>; the memory is kept while it suffices.</summary>
    public void Reset(int layers, int kvHeads, int headDim, int positions)
    {
        Length = 0;
        heads = kvHeads;
        Capacity = RoundUp(positions);
        keyFloats = headDim * Capacity;
        headFloats = keyFloats + (Capacity * RoundUp(headDim));
        memory.Reserve(checked(layers * kvHeads * headFloats));
    }

    public KvHead Head(int layer, int head)
    {
        var keys = memory.Pointer + ((nint)((layer * heads) + head) * headFloats);
        return new KvHead(keys, keys + keyFloats, Capacity);
    }

    public static int RoundUp(int count) => (count + Lanes - 1) / Lanes * Lanes;
}

/// <param name="keys">[headDim, capacity]</param>
/// <param name="values">[capacity, paddedHeadDim]</param>
internal readonly unsafe struct KvHead(float* keys, float* values, int capacity)
{
    public readonly float* Keys = keys;
    public readonly float* Values = values;
    public readonly int Capacity = capacity;
}
