using System.Buffers;

namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>
/// Applies merges to one piece, lowest rank first, leftmost first among equals: a linked list of symbols and a binary heap of candidate
/// pairs, O(n log n) for a piece of n symbols.
/// </summary>
internal static class BpeMerger
{
    private const int NoRank = int.MaxValue;
    private const int StackSymbols = 64;

    /// <param name="symbols">[n] ids; the result is compacted to the front.</param>
    /// <returns>How many ids remain.</returns>
    public static int Merge(Span<int> symbols, MergeTable merges)
    {
        var count = symbols.Length;
        if (count < 2)
            return count;
        // Every symbol is in at most one live pair to its right; each merge adds two candidates: 3n entries at most.
        var rentedLinks = count > StackSymbols ? ArrayPool<int>.Shared.Rent(4 * count) : null;
        var rentedHeap = count > StackSymbols ? ArrayPool<long>.Shared.Rent(3 * count) : null;
        Span<int> links = rentedLinks ?? stackalloc int[4 * StackSymbols];
        Span<long> heap = rentedHeap ?? stackalloc long[3 * StackSymbols];
        var kept = Merge(symbols, merges, links, heap);
        if (rentedLinks is not null)
            ArrayPool<int>.Shared.Return(rentedLinks);
        if (rentedHeap is not null)
            ArrayPool<long>.Shared.Return(rentedHeap);
        return kept;
    }

    private static int Merge(Span<int> symbols, MergeTable merges, Span<int> links, Span<long> heap)
    {
        var count = symbols.Length;
        var next = links[..count];                    // [n] index of the symbol to the right, n at the end
        var previous = links.Slice(count, count);     // [n] index of the symbol to the left, -1 at the start
        var rank = links.Slice(2 * count, count);     // [n] rank of the pair (i, next[i]), NoRank if it has none or i was absorbed
        var merged = links.Slice(3 * count, count);   // [n] id which that pair makes
        var heapCount = 0;
        for (var i = 0; i < count; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        for (var i = 0; i < count; i++)
            Consider(i, symbols, merges, next, rank, merged, heap, ref heapCount);

        while (heapCount > 0)
        {
            var top = Pop(heap, ref heapCount);
            var left = (int)top;
            if (rank[left] != (int)(top >> 32))
                continue; // the pair changed since it was queued
            var right = next[left];
            symbols[left] = merged[left];
            rank[right] = NoRank;
            next[left] = next[right];
            if (next[left] < count)
                previous[next[left]] = left;
            Consider(left, symbols, merges, next, rank, merged, heap, ref heapCount);
            if (previous[left] >= 0)
                Consider(previous[left], symbols, merges, next, rank, merged, heap, ref heapCount);
        }

        var kept = 0;
        for (var i = 0; i < count; i = next[i])
            symbols[kept++] = symbols[i];
        return kept;
    }

    private static void Consider(
        int left,
        ReadOnlySpan<int> symbols,
        MergeTable merges,
        ReadOnlySpan<int> next,
        Span<int> rank,
        Span<int> merged,
        Span<long> heap,
        ref int heapCount)
    {
        if (next[left] == symbols.Length
            || !merges.TryGet(symbols[left], symbols[next[left]], out rank[left], out merged[left]))
        {
            rank[left] = NoRank;
            return;
        }

        Push(((long)rank[left] << 32) | (uint)left, heap, ref heapCount);
    }

    private static void Push(long entry, Span<long> heap, ref int count)
    {
        var child = count++;
        while (child > 0)
        {
            var parent = (child - 1) / 2;
            if (heap[parent] <= entry)
                break;
            heap[child] = heap[parent];
            child = parent;
        }

        heap[child] = entry;
    }

    private static long Pop(Span<long> heap, ref int count)
    {
        var top = heap[0];
        var last = heap[--count];
        var parent = 0;
        while (2 * parent + 1 < count)
        {
            var child = 2 * parent + 1;
            if (child + 1 < count && heap[child + 1] < heap[child])
                child++;
            if (last <= heap[child])
                break;
            heap[parent] = heap[child];
            parent = child;
        }

        heap[parent] = last;
        return top;
    }
}
