using System.Collections.Concurrent;
using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// One new token each of a few sequences through the whole model, from stored weights that are read where they lie: the threads share the
/// rows of every weight, and the sequences and heads of attention. A sequence's bits do not depend on the others.
/// </summary>
internal sealed unsafe class TokenStep(LlamaConfig config, RotaryTable rotary, ThreadTeam team)
{
    private const int SmallestShare = 32; // rows of a weight

    private readonly int hidden = config.HiddenSize;
    private readonly int intermediate = config.IntermediateSize;
    private readonly int queryWidth = config.NumAttentionHeads * config.HeadDim;
    private readonly int keyWidth = config.NumKeyValueHeads * config.HeadDim;
    private readonly float epsilon = (float)config.RmsNormEps;
    private readonly ConcurrentBag<CausalAttention> idleAttention = []; // one a thread at work
    private readonly FloatBuffer residual = new(); // [rows, hidden]
    private readonly FloatBuffer normed = new(); // [rows, hidden]
    private readonly FloatBuffer update = new(); // [rows, hidden]
    private readonly FloatBuffer queries = new(); // [rows, heads * headDim]
    private readonly FloatBuffer keys = new(); // [rows, kvHeads * headDim]
    private readonly FloatBuffer values = new(); // [rows, kvHeads * headDim]
    private readonly FloatBuffer attended = new(); // [rows, heads * headDim]
    private readonly FloatBuffer gate = new(); // [rows, intermediate]
    private readonly FloatBuffer up = new(); // [rows, intermediate]

    /// <summary>Appends the tokens to their caches.</summary>
    /// <param name="tokens">[rows]</param>
    /// <param name="caches">[rows], of all layers.</param>
    /// <returns>[rows, hidden], normed, valid until the next call.</returns>
    public ReadOnlySpan<float> Run(LlamaWeights weights, int[] tokens, IReadOnlyList<KvCache> caches)
    {
        var rows = tokens.Length;
        Reserve(rows);
        for (var row = 0; row < rows; row++) weights.EmbedTokens.ReadRow(tokens[row], residual.Slice(row * hidden, hidden));
        int[] positions = [.. caches.Select(cache => cache.Length)];
        for (var layer = 0; layer < weights.Layers.Count; layer++) RunLayer(weights.Layers[layer], layer, rows, positions, caches);
        foreach (var cache in caches) cache.Length++;
        LayerBlock.NormRows(residual.Slice(0, rows * hidden), weights.Norm, epsilon, normed.Slice(0, rows * hidden));
        return normed.Slice(0, rows * hidden);
    }

    /// <param name="states">[rows, hidden], normed.</param>
    /// <param name="head">[vocab, hidden]</param>
    /// <param name="logits">[rows, vocab]</param>
    public void Logits(int rows, ReadOnlySpan<float> states, StoredMatrix head, FloatBuffer logits)
    {
        fixed (float* start = states)
        {
            var x = start;
            Share(head.Rows, (first, count) => Multiply(rows, x, head, first, count, logits.Pointer));
        }
    }

    private void RunLayer(LlamaLayerWeights layer, int index, int rows, int[] positions, IReadOnlyList<KvCache> caches)
    {
        LayerBlock.Scale(layer.InputScale, residual.Slice(0, rows * hidden));
        LayerBlock.NormRows(residual.Slice(0, rows * hidden), layer.InputLayerNorm, epsilon, normed.Slice(0, rows * hidden));
        Linear(layer, LayerBlock.QProj, rows, normed, queries);
        Linear(layer, LayerBlock.KProj, rows, normed, keys);
        Linear(layer, LayerBlock.VProj, rows, normed, values);
        if (layer.Norms.Count > LayerBlock.QueryNorm)
        {
            var q = queries.Slice(0, rows * queryWidth);
            var k = keys.Slice(0, rows * keyWidth);
            LayerBlock.NormRows(q, layer.Norms[LayerBlock.QueryNorm], epsilon, q);
            LayerBlock.NormRows(k, layer.Norms[LayerBlock.KeyNorm], epsilon, k);
        }

        rotary.Rotate(queries.Pointer, rows, config.NumAttentionHeads, positions);
        rotary.Rotate(keys.Pointer, rows, config.NumKeyValueHeads, positions);
        FloatVectors.Scale((float)(1 / Math.Sqrt(config.HeadDim)), queries.Slice(0, rows * queryWidth));
        var own = TakeAttention();
        for (var row = 0; row < rows; row++)
        {
            var offset = row * (nint)keyWidth;
            own.Append(index, new CachedRows(caches[row], null, 0, positions[row], 1), keys.Pointer + offset, values.Pointer + offset);
        }

        idleAttention.Add(own);
        team.Run(rows * config.NumKeyValueHeads, item =>
        {
            var mine = TakeAttention();
            var (row, kvHead) = (item / config.NumKeyValueHeads, item % config.NumKeyValueHeads);
            var offset = row * (nint)queryWidth;
            mine.Attend(
                index, new CachedRows(caches[row], null, 0, positions[row], 1), kvHead, queries.Pointer + offset,
                    attended.Pointer + offset);
            idleAttention.Add(mine);
        });
        Linear(layer, LayerBlock.OProj, rows, attended, update);
        FloatVectors.Add(update.Slice(0, rows * hidden), residual.Slice(0, rows * hidden));

        LayerBlock.NormRows(residual.Slice(0, rows * hidden), layer.PostAttentionLayerNorm, epsilon, normed.Slice(0, rows * hidden));
        Linear(layer, LayerBlock.GateProj, rows, normed, gate);
        Linear(layer, LayerBlock.UpProj, rows, normed, up);
        var gated = gate.Slice(0, rows * intermediate);
        SwiGlu.Forward(gated, up.Slice(0, rows * intermediate), gated);
        Linear(layer, LayerBlock.DownProj, rows, gate, update);
        FloatVectors.Add(update.Slice(0, rows * hidden), residual.Slice(0, rows * hidden));
    }

    private CausalAttention TakeAttention() => idleAttention.TryTake(out var idle) ? idle : new CausalAttention(config);

    private void Linear(LlamaLayerWeights layer, int linear, int rows, FloatBuffer x, FloatBuffer y)
    {
        var weight = layer.Linears[linear];
        Share(weight.Rows, (first, count) => Multiply(rows, x.Pointer, weight, first, count, y.Pointer));
        if (layer.Biases[linear] is not { } bias) return;
        for (var row = 0; row < rows; row++) FloatVectors.Add(bias, y.Slice(row * bias.Length, bias.Length));
    }

    // y [rows, weight rows], columns from first on, = x [rows, in] * weight[first .. first + count]'
    private static void Multiply(int rows, float* x, StoredMatrix weight, int first, int count, float* y) => StoredProduct.Multiply(
        rows, new ReadOnlySpan<float>(x, rows * weight.Columns), weight.Columns, weight, first, count,
        new Span<float>(y + first, ((rows - 1) * weight.Rows) + count), weight.Rows);

    private void Share(int weightRows, Action<int, int> multiply)
    {
        var each = Math.Max(SmallestShare, (weightRows + (4 * team.Threads) - 1) / (4 * team.Threads));
        team.Run((weightRows + each - 1) / each, item => multiply(item * each, Math.Min(each, weightRows - (item * each))));
    }

    private void Reserve(int rows)
    {
        foreach (var buffer in (FloatBuffer[])[residual, normed, update]) buffer.Reserve((long)rows * hidden);
        foreach (var buffer in (FloatBuffer[])[queries, attended]) buffer.Reserve((long)rows * queryWidth);
        foreach (var buffer in (FloatBuffer[])[keys, values]) buffer.Reserve((long)rows * keyWidth);
        foreach (var buffer in (FloatBuffer[])[gate, up]) buffer.Reserve((long)rows * intermediate);
    }
}
