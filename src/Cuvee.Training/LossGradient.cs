
namespace Cuvee.Training;

/// <summary>
/// Mean negative log-likelihood per scored token and its gradient in every weight: what a white-box reference needs and a black-box search
/// does without. Holds its buffers between calls; not thread-safe.
/// </summary>
public sealed class LossGradient
{
    private const int Shards = 2;

    private readonly TrainingPass[] passes;
    private readonly FullGradients[] sinks;

    public LossGradient(DenseWeights shape)
    {
        passes = [.. Enumerable.Range(0, Shards).Select(_ => new TrainingPass(shape.Config))];
        sinks = [.. Enumerable.Range(0, Shards).Select(_ => new FullGradients(DenseWeights.ZerosLike(shape)))];
    }

    /// <returns>The loss in nats per scored token, and the gradient in the layout of the weights, valid until the next call.</returns>
    public (double Loss, DenseWeights Gradient) Compute(DenseWeights weights, IReadOnlyList<TrainingExample> examples)
    {
        foreach (var tensor in sinks.SelectMany(s => s.Gradients.ToTensors())) Array.Clear(tensor.Values);
        var scored = examples.Sum(e => e.Tokens.Length - e.ScoredFrom);
        var losses = new double[Shards];
        Parallel.For(0, Shards, shard =>
        {
            foreach (var part in examples.Where((_, i) => i % Shards == shard).Chunk(16))
                losses[shard] += passes[shard].Run(weights, part, 1f / scored, sinks[shard]);
        });
        foreach (var (sum, other) in sinks[0].Gradients.ToTensors().Zip(sinks[1].Gradients.ToTensors()))
            TrainingKernels.Add(sum.Values, other.Values);
        return (losses.Sum() / scored, sinks[0].Gradients);
    }
}
