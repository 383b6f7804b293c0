using Cuvee.Numerics;

namespace Cuvee.Optimization.FisherProbing;

/// <summary>Draws records without replacement, pass after pass over all of them, so that a few rounds cover the data evenly.</summary>
internal sealed class RecordSampler
{
    private readonly int[] order; // [records], the current pass
    private readonly SeededRandom random;
    private int position;

    public RecordSampler(int recordCount, SeededRandom random)
    {
        this.random = random;
        order = [.. Enumerable.Range(0, recordCount)];
        random.Shuffle<int>(order);
    }

    /// <summary>At most all records, each once, in ascending order.</summary>
    public int[] Draw(int count)
    {
        count = Math.Min(count, order.Length);
        var drawn = new SortedSet<int>();
        while (drawn.Count < count)
        {
            if (position == order.Length)
            {
                random.Shuffle<int>(order);
                position = 0;
            }

            drawn.Add(order[position++]);
        }

        return [.. drawn];
    }
}
