using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// The decoder over one <see cref="TokenBatch"/>, in buffers of its own that only grow. In the last layer,
/// queries, o_proj and the MLP are computed at the output rows only. Each row's bits depend on its own sequence alone.
/// </summary>
internal sealed unsafe class LlamaForward(LlamaConfig config, PackedLlamaWeights packed, RotaryTable rotary)
{
    // Indices into LlamaConfig.LinearModules.
    private const int QProj = 0, KProj = 1, VProj = 2, OProj = 3, GateProj = 4, UpProj = 5, DownProj = 6;

    // Indices into LlamaConfig.Norms, where the family has them.
    private const int QueryNorm = 2, KeyNorm = 3;

    private readonly int hidden = config.HiddenSize;
    private readonly int intermediate = config.IntermediateSize;
    private readonly int queryWidth = config.NumAttentionHeads * config.HeadDim;
    private readonly int keyWidth = config.NumKeyValueHeads * config.HeadDim;
    private readonly float scoreScale = (float)(1 / Math.Sqrt(config.HeadDim));
    private readonly CausalAttention attention = new(config);
    private readonly FloatBuffer residual = new(); // [rows, hidden]
    private readonly FloatBuffer normed = new(); // [rows, hidden]
    private readonly FloatBuffer update = new(); // [rows, hidden]
    private readonly FloatBuffer queries = new(); // [rows, heads * headDim]
    private readonly FloatBuffer keys = new(); // [rows, kvHeads * headDim]
    private readonly FloatBuffer values = new(); // [rows, kvHeads * headDim]
    private readonly FloatBuffer attended = new(); // [rows, heads * headDim]
    private readonly FloatBuffer gate = new(); // [rows, intermediate]
    private readonly FloatBuffer up = new(); // [rows, intermediate]

    /// <summary>Shares every matrix product; null where other threads compute batches of their own. The bits are the same.</summary>
    public ThreadTeam? Team { get; set; }

    /// <summary>
    /// Fills the caches of the batch's segments and returns the normed hidden state of its output rows,
    /// [outputs, hidden], valid until the next call.
    /// </summary>
    public ReadOnlySpan<float> Run(TokenBatch batch)
    {
        var weights = packed.Source ?? throw new InvalidOperationException("No weights are packed.");
        Reserve(batch.Rows);
        for (var row = 0; row < batch.Rows; row++)
            weights.EmbedTokens.ReadRow(batch.Tokens[row], residual.Span.Slice(row * hidden, hidden));
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var outputsOnly = layer == config.NumHiddenLayers - 1;
            RunLayer(weights.Layers[layer], layer, batch, outputsOnly);
        }

        foreach (ref readonly var segment in batch.Segments)
            if (segment.Cache is { } cache) cache.Length = segment.PastLength + segment.Rows;
        Norm(batch.Outputs, weights.Norm);
        return normed.Span[..(batch.Outputs * hidden)];
    }

    private void RunLayer(LlamaLayerWeights layerWeights, int layer, TokenBatch batch, bool outputsOnly)
    {
        var rows = batch.Rows;
        Norm(rows, layerWeights.InputLayerNorm);
        Linear(layer, KProj, rows, normed, keys);
        Linear(layer, VProj, rows, normed, values);
        NormHeads(layerWeights, KeyNorm, keys.Span[..(rows * keyWidth)]);
        rotary.Rotate(keys.Pointer, rows, config.NumKeyValueHeads, batch.Positions);
        if (outputsOnly)
        {
            Compact(batch.OutputRows, normed.Span);
            Compact(batch.OutputRows, residual.Span);
            rows = batch.Outputs;
        }

        Linear(layer, QProj, rows, normed, queries);
        NormHeads(layerWeights, QueryNorm, queries.Span[..(rows * queryWidth)]);
        rotary.Rotate(queries.Pointer, rows, config.NumAttentionHeads, outputsOnly ? batch.OutputPositions : batch.Positions);
        FloatVectors.Scale(scoreScale, queries.Span[..(rows * queryWidth)]);
        attention.Run(layer, batch, outputsOnly, queries.Pointer, keys.Pointer, values.Pointer, attended.Pointer);
        Linear(layer, OProj, rows, attended, update);
        AddToResidual(rows);

        Norm(rows, layerWeights.PostAttentionLayerNorm);
        Linear(layer, GateProj, rows, normed, gate);
        Linear(layer, UpProj, rows, normed, up);
        var gated = gate.Span[..(rows * intermediate)];
        SwiGlu.Forward(gated, up.Span[..(rows * intermediate)], gated);
        Linear(layer, DownProj, rows, gate, update);
        AddToResidual(rows);
    }

    private void Linear(int layer, int linear, int rows, FloatBuffer x, FloatBuffer y)
    {
        var weight = packed.Linear(layer, linear);
        if (Team is null) Gemm.Multiply(rows, x.Span, weight.Rows, false, weight, y.Span, weight.Columns, false);
        else Gemm.MultiplyParallel(Team, rows, x.Span, weight.Rows, false, weight, y.Span, weight.Columns, false);
        if (packed.Source!.Layers[layer].Biases[linear] is not { } bias) return;
        for (var row = 0; row < rows; row++) FloatVectors.Add(bias, y.Span.Slice(row * bias.Length, bias.Length));
    }

    private void NormHeads(LlamaLayerWeights layerWeights, int norm, Span<float> heads)
    {
        if (layerWeights.Norms.Count <= norm) return;
        var weight = layerWeights.Norms[norm];
        for (; heads.Length > 0; heads = heads[weight.Length..])
        {
            var head = heads[..weight.Length];
            RmsNorm.Forward(head, weight, (float)config.RmsNormEps, head);
        }
    }

    // A sum of its own rather than a product that accumulates onto the residual: the residual is rounded once per update.
    private void AddToResidual(int rows) => FloatVectors.Add(update.Span[..(rows * hidden)], residual.Span[..(rows * hidden)]);

    private void Norm(int rows, ReadOnlySpan<float> weight)
    {
        for (var row = 0; row < rows; row++)
        {
            var x = residual.Span.Slice(row * hidden, hidden);
            RmsNorm.Forward(x, weight, (float)config.RmsNormEps, normed.Span.Slice(row * hidden, hidden));
        }
    }

    /// <summary>Moves the rows [.., hidden] named by <paramref name="rows"/> (rising) to the front.</summary>
    private void Compact(ReadOnlySpan<int> rows, Span<float> x)
    {
        for (var i = 0; i < rows.Length; i++) x.Slice(rows[i] * hidden, hidden).CopyTo(x.Slice(i * hidden, hidden));
    }

    private void Reserve(int rows)
    {
        residual.Reserve(rows * hidden);
        normed.Reserve(rows * hidden);
        update.Reserve(rows * hidden);
        queries.Reserve(rows * queryWidth);
        keys.Reserve(rows * keyWidth);
        values.Reserve(rows * keyWidth);
        attended.Reserve(rows * queryWidth);
        gate.Reserve(rows * intermediate);
        up.Reserve(rows * intermediate);
    }
}
