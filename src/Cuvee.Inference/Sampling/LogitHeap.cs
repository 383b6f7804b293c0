namespace Cuvee.Inference.Sampling;

/// <summary>
/// Hands out token ids from the largest logit down, equal ones by rising id; building is linear, so a few tokens cost no full sort.
/// </summary>
internal sealed class LogitHeap(int vocabSize)
{
    private readonly int[] heap = new int[vocabSize]; // binary max-heap of token ids
    private int count;

    /// <param name="logits">[vocab]</param>
    public void Build(ReadOnlySpan<float> logits)
    {
        count = logits.Length;
        for (var i = 0; i < count; i++) heap[i] = i;
        for (var i = (count / 2) - 1; i >= 0; i--) Sink(logits, i);
    }

    /// <param name="logits">The same as built with.</param>
    public int Pop(ReadOnlySpan<float> logits)
    {
        var top = heap[0];
        heap[0] = heap[--count];
        Sink(logits, 0);
        return top;
    }

    private static bool Precedes(ReadOnlySpan<float> logits, int x, int y) => logits[x] > logits[y] || (logits[x] == logits[y] && x < y);

    private void Sink(ReadOnlySpan<float> logits, int i)
    {
        while (true)
        {
            var best = i;
            for (var child = (2 * i) + 1; child <= (2 * i) + 2 && child < count; child++)
                if (Precedes(logits, heap[child], heap[best])) best = child;
            if (best == i) return;
            (heap[i], heap[best]) = (heap[best], heap[i]);
            i = best;
        }
    }
}
