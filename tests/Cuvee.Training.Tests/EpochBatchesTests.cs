namespace Cuvee.Training.Tests;

public class EpochBatchesTests
{
    // Tokens[0] names the example; lengths 2 to 12, out of order.
    private static readonly TrainingExample[] Examples =
        [.. Enumerable.Range(0, 37).Select(i => new TrainingExample([i, .. new int[1 + (i * 7 % 11)]], 1))];

    [Fact]
    public void Batch_EachEpoch_IsAnotherPermutationOfAllExamples()
    {
        var batches = new EpochBatches(Examples, 4, 5);

        Assert.Equal(10, batches.BatchesPerEpoch);
        var epochs = Enumerable.Range(0, 3).Select(epoch => Names(batches, Enumerable.Range(epoch * 10, 10))).ToArray();
        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 37), epoch.Order()));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
        Assert.All(Enumerable.Range(0, 30), step => Assert.InRange(batches.Batch(step).Count, 1, 4));
    }

    [Fact]
    public void Batch_StepsInAnyOrder_DependsOnSeedAndStepOnly()
    {
        var steps = Enumerable.Range(0, 25).ToArray();
        var forward = new EpochBatches(Examples, 4, 5);
        var expected = steps.Select(s => Names(forward, [s])).ToArray();

        var backward = new EpochBatches(Examples, 4, 5);
        var actual = steps.Reverse().Select(s => Names(backward, [s])).Reverse().ToArray();

        Assert.Equal(expected, actual);
        Assert.NotEqual(Names(forward, steps[..10]), Names(new EpochBatches(Examples, 4, 6), steps[..10]));
    }

    [Fact]
    public void Batch_WithinOneWindow_NeighboursInLengthShareABatchAndBatchesAreShuffled()
    {
        var batches = new EpochBatches(Examples, 4, 5); // 37 examples, one window of 64
        var lengths = Enumerable.Range(0, 10).Select(s => batches.Batch(s).Select(e => e.Tokens.Length).ToArray()).ToArray();

        var sorted = lengths.OrderBy(b => b.Min()).ThenBy(b => b.Max()).ToArray();
        Assert.All(sorted.Zip(sorted.Skip(1)), pair => Assert.True(pair.First.Max() <= pair.Second.Min()));
        Assert.NotEqual(sorted, lengths);
    }

    [Fact]
    public void Constructor_NoExamples_Throws()
    {
        var exception = Assert.Throws<ArgumentException>(() => new EpochBatches([], 4, 5));

        Assert.Contains("no training examples", exception.Message, StringComparison.Ordinal);
    }

    private static int[] Names(EpochBatches batches, IEnumerable<int> steps) =>
        [.. steps.SelectMany(s => batches.Batch(s)).Select(e => e.Tokens[0])];
}
