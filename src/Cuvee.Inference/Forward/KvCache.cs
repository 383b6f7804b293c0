using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Keys and values of one sequence, per layer and key-value head: keys transposed [headDim, capacity] (so that scores of many positions are
/// formed by vectors), values [capacity, paddedHeadDim]. With one layer it holds whichever layer is being computed.
/// </summary>
internal sealed unsafe class KvCache
{
    public const int Lanes = RowProduct.ColumnMultiple; // capacity and value rows are whole vectors

    private readonly FloatBuffer memory = new();
    private int layers, heads;
    private long keyFloats, headFloats;

    /// <summary>Positions held.</summary>
    public int Length { get; set; }

    /// <summary>Positions that fit; a multiple of <see cref="Lanes"/>.</summary>
    public int Capacity { get; private set; }

    /// <summary>Bytes that a cache of this shape takes.</summary>
    public static long Bytes(int layers, int kvHeads, int headDim, int positions) =>
        (long)layers * kvHeads * RoundUp(positions) * (headDim + RoundUp(headDim)) * sizeof(float);

    /// <summary>Empties the cache and makes room for <paramref name="positions"/>; the memory is kept while it suffices.</summary>
    public void Reset(int layerCount, int kvHeads, int headDim, int positions)
    {
        Length = 0;
        (layers, heads) = (layerCount, kvHeads);
        Capacity = RoundUp(positions);
        keyFloats = (long)headDim * Capacity;
        headFloats = keyFloats + ((long)Capacity * RoundUp(headDim));
        memory.Reserve(layers * kvHeads * headFloats);
    }

    public void Free() => memory.Free();

    public KvHead Head(int layer, int head)
    {
        var keys = memory.Pointer + ((((layers == 1 ? 0L : layer) * heads) + head) * headFloats);
        return new KvHead(keys, keys + keyFloats, Capacity);
    }

    public static int RoundUp(int count) => checked(count + Lanes - 1) / Lanes * Lanes;
}

/// <param name="keys">[headDim, capacity]</param>
/// <param name="values">[capacity, paddedHeadDim]</param>
internal readonly unsafe struct KvHead(float* keys, float* values, int capacity)
{
    public readonly float* Keys = keys;
    public readonly float* Values = values;
    public readonly int Capacity = capacity;
}
