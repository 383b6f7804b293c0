using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// Seeded epochs over a fixed set of examples. Batches are not padded (rows are tokens), so length bucketing serves balance only: inside a
/// window of <c>batchSize * 16</c> shuffled examples, neighbours in length share a batch, and the batches are shuffled again.
/// </summary>
public sealed class EpochBatches : IBatchSource
{
    private readonly IReadOnlyList<TrainingExample> examples;
    private readonly int batchSize;
    private readonly ulong seed;
    private int cachedEpoch = -1;
    private int[][] cached = [];

    public EpochBatches(IReadOnlyList<TrainingExample> examples, int batchSize, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (examples.Count == 0) throw new ArgumentException("There are no training examples.", nameof(examples));
        this.examples = examples;
        this.batchSize = batchSize;
        this.seed = seed;
    }

    public int BatchesPerEpoch => (examples.Count + batchSize - 1) / batchSize;

    public IReadOnlyList<TrainingExample> Batch(int step)
    {
        var epoch = step / BatchesPerEpoch;
        if (epoch != cachedEpoch) (cachedEpoch, cached) = (epoch, Plan(epoch));
        return [.. cached[step % BatchesPerEpoch].Select(i => examples[i])];
    }

    private int[][] Plan(int epoch)
    {
        var random = SeededRandom.Derive(seed, $"epoch-{epoch}");
        var order = Enumerable.Range(0, examples.Count).ToArray();
        random.Shuffle<int>(order);
        var batches = order
            .Chunk(batchSize * 16)
            .SelectMany(window => window.OrderBy(i => examples[i].Tokens.Length).ThenBy(i => i).Chunk(batchSize))
            .ToArray();
        random.Shuffle<int[]>(batches);
        return batches;
    }
}
