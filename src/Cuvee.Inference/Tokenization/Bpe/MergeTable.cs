using System.Numerics;

namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>
/// (left id, right id) to (rank, merged id), read millions of times: open addressing with linear probing, key and value in one cache line.
/// Immutable.
/// </summary>
internal sealed class MergeTable
{
    private readonly Slot[] slots; // a power of two, at most two thirds full; a free one has the key -1
    private readonly int shift;

    /// <param name="merges">By <see cref="BpeVocabulary.PairKey"/>; the lowest rank is merged first.</param>
    public MergeTable(IReadOnlyDictionary<long, (int Rank, int Merged)> merges)
    {
        var bits = Math.Max(4, BitOperations.Log2((uint)(merges.Count * 3L / 2)) + 1);
        shift = 64 - bits;
        slots = new Slot[1 << bits];
        Array.Fill(slots, new Slot(-1, 0, 0));
        foreach (var (key, (rank, merged)) in merges)
        {
            var slot = Home(key);
            while (slots[slot].Key >= 0) slot = (slot + 1) & (slots.Length - 1);
            slots[slot] = new Slot(key, rank, merged);
        }
    }

    public bool TryGet(int left, int right, out int rank, out int merged)
    {
        var key = BpeVocabulary.PairKey(left, right);
        for (var slot = Home(key); ; slot = (slot + 1) & (slots.Length - 1))
        {
            ref readonly var found = ref slots[slot];
            if (found.Key == key || found.Key < 0)
            {
                (rank, merged) = (found.Rank, found.Merged);
                return found.Key == key;
            }
        }
    }

    /// <summary>All entries, in no order.</summary>
    public IEnumerable<(int Left, int Right)> Pairs =>
        slots.Where(slot => slot.Key >= 0).Select(slot => ((int)(slot.Key >> 32), (int)slot.Key));

    // Fibonacci hashing: the high bits of a product with 2^64 / golden ratio.
    private int Home(long key) => (int)(((ulong)key * 0x9E3779B97F4A7C15) >> shift);

    private readonly record struct Slot(long Key, int Rank, int Merged);
}
