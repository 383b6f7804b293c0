using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// Mean negative log-likelihood per scored token and its gradient in every weight: what a white-box reference needs and a black-box search
/// does without. Holds its buffers between calls; not thread-safe.
/// </summary>
public sealed class LossGradient
{
    private const int ExamplesAtOnce = 16;

    private readonly TrainingPass pass;
    private readonly FullGradients sink;

    /// <param name="team">Shares the work; not disposed here.</param>
    public LossGradient(DenseWeights shape, ThreadTeam team)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var work = new SharedWork(team);
        pass = new TrainingPass(shape.Config, work);
        sink = new FullGradients(DenseWeights.ZerosLike(shape), work);
    }

    /// <returns>The loss in nats per scored token, and the gradient in the layout of the weights, valid until the next call.</returns>
    public (double Loss, DenseWeights Gradient) Compute(DenseWeights weights, IReadOnlyList<TrainingExample> examples)
    {
        foreach (var tensor in sink.Gradients.ToTensors()) Array.Clear(tensor.Values);
        var scored = examples.Sum(e => e.Tokens.Length - e.ScoredFrom);
        var loss = examples.Chunk(ExamplesAtOnce).Sum(chunk => pass.Run(weights, chunk, 1f / scored, sink));
        return (loss / scored, sink.Gradients);
    }
}
