using System.Buffers;
using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// softmax(Q K^T) V and its gradient inside each sequence, each query over the positions up to its own, or the last ones of a sliding
/// window. The threads share sequences and key-value heads; a tile of queries multiplies the keys that its last one sees.
/// </summary>
internal sealed class TrainingAttention(LlamaConfig config, SharedWork work)
{
    private const int TileRows = 64;

    private readonly int headDim = config.HeadDim;
    private readonly int kvHeads = config.NumKeyValueHeads;
    private readonly int group = config.NumAttentionHeads / config.NumKeyValueHeads;
    private readonly int queryWidth = config.NumAttentionHeads * config.HeadDim;
    private readonly int keyWidth = config.NumKeyValueHeads * config.HeadDim;
    private readonly int window = config.SlidingWindow ?? int.MaxValue;

    public void Forward(BatchRows batch, BlockActivations block) => ForHeads(batch, (sequence, kvHead) =>
    {
        var n = sequence.Length;
        var keys = block.Key.AsSpan((sequence.Start * keyWidth) + (kvHead * headDim));
        var values = block.Value.AsSpan((sequence.Start * keyWidth) + (kvHead * headDim));
        for (var head = kvHead * group; head < (kvHead + 1) * group; head++)
        {
            var probabilities = block.Probabilities.AsSpan(sequence.FirstProbability + (head * n * n), n * n); // [n, n]
            for (var first = 0; first < n; first += TileRows)
            {
                var rows = Math.Min(TileRows, n - first);
                var visible = first + rows;
                var p = probabilities[(first * n)..]; // [rows, n], the first visible columns
                var query = ((sequence.Start + first) * queryWidth) + (head * headDim);
                Gemm.Multiply(
                    rows, visible, headDim, block.Query.AsSpan(query), queryWidth, false, keys, keyWidth, true, p, n, false);
                for (var row = 0; row < rows; row++)
                {
                    var scores = p.Slice(row * n, visible);
                    var (from, to) = Seen(first + row);
                    Softmax.Forward(scores[from..to], scores[from..to]);
                    scores[..from].Clear();
                    scores[to..].Clear();
                }

                Gemm.Multiply(
                    rows, headDim, visible, p, n, false, values, keyWidth, false, block.Attention.AsSpan(query), queryWidth, false);
            }
        }
    });

    /// <param name="outputGradient">[rows, heads * headDim]</param>
    /// <param name="queryGradient">[rows, heads * headDim], of the rotated, scaled queries; overwritten.</param>
    /// <param name="keyGradient">[rows, kvHeads * headDim], of the rotated keys; overwritten.</param>
    /// <param name="valueGradient">[rows, kvHeads * headDim]; overwritten.</param>
    public void Backward(
        BatchRows batch, BlockActivations block, float[] outputGradient, float[] queryGradient, float[] keyGradient,
        float[] valueGradient) => ForHeads(batch, (sequence, kvHead) =>
    {
        var n = sequence.Length;
        var scratch = ArrayPool<float>.Shared.Rent(TileRows * n); // [tile, n] gradient of probabilities, then of scores
        var offset = (sequence.Start * keyWidth) + (kvHead * headDim);
        var dk = keyGradient.AsSpan(offset);
        var dv = valueGradient.AsSpan(offset);
        for (var row = 0; row < n; row++)
        {
            dk.Slice(row * keyWidth, headDim).Clear();
            dv.Slice(row * keyWidth, headDim).Clear();
        }

        for (var head = kvHead * group; head < (kvHead + 1) * group; head++)
        {
            for (var first = 0; first < n; first += TileRows)
            {
                var rows = Math.Min(TileRows, n - first);
                var visible = first + rows;
                var p = block.Probabilities.AsSpan(sequence.FirstProbability + (head * n * n) + (first * n)); // [rows, n]
                var ds = scratch.AsSpan(0, rows * visible); // [rows, visible]
                var query = ((sequence.Start + first) * queryWidth) + (head * headDim);
                var dy = outputGradient.AsSpan(query);
                Gemm.Multiply(visible, headDim, rows, p, n, true, dy, queryWidth, false, dv, keyWidth, true);
                Gemm.Multiply(
                    rows, visible, headDim, dy, queryWidth, false, block.Value.AsSpan(offset), keyWidth, true, ds, visible, false);
                for (var row = 0; row < rows; row++)
                {
                    var scores = ds.Slice(row * visible, visible);
                    var (from, to) = Seen(first + row);
                    Softmax.Backward(p.Slice(row * n, visible)[from..to], scores[from..to]);
                    scores[..from].Clear();
                    scores[to..].Clear();
                }

                Gemm.Multiply(
                    rows, headDim, visible, ds, visible, false, block.Key.AsSpan(offset), keyWidth, false,
                    queryGradient.AsSpan(query), queryWidth, false);
                Gemm.Multiply(
                    visible, headDim, rows, ds, visible, true, block.Query.AsSpan(query), queryWidth, false, dk, keyWidth, true);
            }
        }

        ArrayPool<float>.Shared.Return(scratch);
    });

    /// <summary>Positions that a query sees.</summary>
    private (int From, int To) Seen(int position) => (Math.Max(0, position + 1 - window), position + 1);

    private void ForHeads(BatchRows batch, Action<SequenceRows, int> body) => work.Team.Run(
        batch.Sequences.Count * kvHeads, item => body(batch.Sequences[item / kvHeads], item % kvHeads));
}
