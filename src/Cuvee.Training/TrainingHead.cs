using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>The final norm, the logits and the loss, at scored positions only and a few rows at a time.</summary>
internal sealed class TrainingHead(LlamaConfig config, SharedWork work)
{
    private const int RowsAtOnce = 256; // rows of logits in flight: [256, vocab]

    private readonly int hidden = config.HiddenSize;
    private readonly PackedMatrix forwardHead = new(); // [hidden, vocab]
    private readonly PackedMatrix backwardHead = new(); // [vocab, hidden]
    private float[] normed = []; // [scored, hidden]
    private float[] normedGradient = []; // [scored, hidden]
    private float[] logits = []; // [256, vocab], then their gradient
    private double[] losses = []; // [scored]

    /// <summary>Sum of the negative log-likelihood in nats; overwrites the residual stream's gradient unless there is no sink.</summary>
    /// <param name="residual">[rows, hidden] after the last block.</param>
    /// <param name="gradient">[rows, hidden] of <paramref name="lossScale"/> times the loss.</param>
    public double Run(DenseWeights weights, BatchRows batch, float[] residual, float[] gradient, float lossScale, IGradientSink? sink)
    {
        Reserve(batch.Scored);
        var epsilon = (float)config.RmsNormEps;
        work.ForRows(batch.Scored, (first, count) =>
        {
            for (var i = first; i < first + count; i++)
            {
                RmsNorm.Forward(
                    residual.AsSpan(batch.ScoredRows[i] * hidden, hidden), weights.Norm, epsilon, normed.AsSpan(i * hidden, hidden));
            }
        });

        work.Pack(forwardHead, hidden, config.VocabSize, weights.LmHead, transpose: true);
        if (sink is not null) work.Pack(backwardHead, config.VocabSize, hidden, weights.LmHead, transpose: false);
        for (var first = 0; first < batch.Scored; first += RowsAtOnce)
            Chunk(batch, first, Math.Min(RowsAtOnce, batch.Scored - first), lossScale, sink);
        if (sink is not null)
        {
            gradient.AsSpan(0, batch.Rows * hidden).Clear();
            work.ForRows(batch.Scored, sink.NormGradient(config.NumHiddenLayers, 0), (first, count, partial) =>
            {
                for (var i = first; i < first + count; i++)
                {
                    var row = batch.ScoredRows[i] * hidden;
                    RmsNorm.Backward(
                        residual.AsSpan(row, hidden), weights.Norm, epsilon, normedGradient.AsSpan(i * hidden, hidden),
                        gradient.AsSpan(row, hidden), partial);
                }
            });
        }

        var loss = 0.0;
        foreach (var term in losses.AsSpan(0, batch.Scored)) loss += term;
        return loss;
    }

    private void Chunk(BatchRows batch, int first, int count, float lossScale, IGradientSink? sink)
    {
        var vocabulary = config.VocabSize;
        var states = normed.AsMemory(first * hidden, count * hidden);
        work.Multiply(count, states.Span, false, forwardHead, logits, accumulate: false);
        work.Team.Run(count, i => losses[first + i] =
            Softmax.CrossEntropy(logits.AsSpan(i * vocabulary, vocabulary), batch.Targets[first + i], lossScale));
        if (sink is null) return;
        sink.AddHead(count, states, logits);
        work.Multiply(
            count, logits.AsSpan(0, count * vocabulary), false, backwardHead, normedGradient.AsSpan(first * hidden), accumulate: false);
    }

    private void Reserve(int scored)
    {
        BatchRows.Grow(ref normed, checked(scored * hidden));
        BatchRows.Grow(ref normedGradient, checked(scored * hidden));
        BatchRows.Grow(ref losses, scored);
        BatchRows.Grow(ref logits, checked(Math.Min(RowsAtOnce, scored) * config.VocabSize));
    }
}
