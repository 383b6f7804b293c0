using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// One block of the decoder on chunks of rows, in one thread's buffers: first keys and values, and once all rows have theirs, everything
/// else. Each row's bits depend on its own sequence alone.
/// </summary>
internal sealed unsafe class LayerBlock(LlamaConfig config, RotaryTable rotary)
{
    // Indices into LlamaConfig.LinearModules.
    public const int QProj = 0, KProj = 1, VProj = 2, OProj = 3, GateProj = 4, UpProj = 5, DownProj = 6;

    // Indices into LlamaConfig.Norms, where the family has them.
    public const int QueryNorm = 2, KeyNorm = 3;

    private readonly int hidden = config.HiddenSize;
    private readonly int intermediate = config.IntermediateSize;
    private readonly int queryWidth = config.NumAttentionHeads * config.HeadDim;
    private readonly int keyWidth = config.NumKeyValueHeads * config.HeadDim;
    private readonly float epsilon = (float)config.RmsNormEps;
    private readonly float scoreScale = (float)(1 / Math.Sqrt(config.HeadDim));
    private readonly CausalAttention attention = new(config);
    private readonly FloatBuffer normed = new(); // [rows, hidden]
    private readonly FloatBuffer gathered = new(); // [rows, hidden]
    private readonly FloatBuffer update = new(); // [rows, hidden]
    private readonly FloatBuffer queries = new(); // [rows, heads * headDim]; keys, then gate
    private readonly FloatBuffer attended = new(); // [rows, heads * headDim]; values, then up
    private int[] positions = [];

    /// <summary>Keys and values of the chunk's rows into the caches of their sequences.</summary>
    /// <param name="residual">[rows of the pass, hidden]</param>
    public void AppendKeysAndValues(int layer, PackedLayer packed, RowChunk chunk, float* residual)
    {
        var x = residual + (FirstRow(chunk) * hidden);
        var (keys, values) = (queries.Reserve(chunk.Rows * (long)keyWidth), attended.Reserve(chunk.Rows * (long)keyWidth));
        Norm(chunk.Rows, x, packed.Source.InputLayerNorm);
        Linear(packed, KProj, chunk.Rows, normed, keys);
        Linear(packed, VProj, chunk.Rows, normed, values);
        NormHeads(packed.Source, KeyNorm, keys.Slice(0, chunk.Rows * keyWidth));
        rotary.Rotate(keys.Pointer, chunk.Rows, config.NumKeyValueHeads, Positions(chunk));
        nint row = 0;
        foreach (var piece in chunk.Pieces)
        {
            attention.Append(layer, piece.Cached, keys.Pointer + (row * keyWidth), values.Pointer + (row * keyWidth));
            row += piece.Count;
        }
    }

    /// <summary>The rest of the block: attention and MLP, added to the residual in place.</summary>
    public void Run(int layer, PackedLayer packed, RowChunk chunk, float* residual) =>
        Run(layer, packed, chunk, rows: chunk.Rows, residual + (FirstRow(chunk) * hidden));

    /// <summary>The same at the output rows only, copied out and normed.</summary>
    /// <param name="chunk">Of outputs.</param>
    /// <param name="norm">The final norm's weight [hidden].</param>
    /// <param name="states">[outputs of the pass, hidden]</param>
    public void RunOutputs(int layer, PackedLayer packed, RowChunk chunk, float* residual, ReadOnlySpan<float> norm, float* states)
    {
        var x = gathered.Reserve(chunk.Rows * (long)hidden).Pointer;
        nint row = 0;
        foreach (var piece in chunk.Pieces)
        {
            new ReadOnlySpan<float>(residual + ((piece.Sequence.FirstRow + piece.First) * hidden), piece.Count * hidden)
                .CopyTo(new Span<float>(x + (row * hidden), piece.Count * hidden));
            row += piece.Count;
        }

        Run(layer, packed, chunk, chunk.Rows, x);
        NormRows(
            new ReadOnlySpan<float>(x, chunk.Rows * hidden), norm, epsilon,
            new Span<float>(states + (chunk.FirstOutput * (nint)hidden), chunk.Rows * hidden));
    }

    private void Run(int layer, PackedLayer packed, RowChunk chunk, int rows, float* x)
    {
        queries.Reserve(rows * (long)Math.Max(queryWidth, intermediate));
        attended.Reserve(rows * (long)Math.Max(queryWidth, intermediate));
        update.Reserve(rows * (long)hidden);
        Norm(rows, x, packed.Source.InputLayerNorm);
        Linear(packed, QProj, rows, normed, queries);
        NormHeads(packed.Source, QueryNorm, queries.Slice(0, rows * queryWidth));
        rotary.Rotate(queries.Pointer, rows, config.NumAttentionHeads, Positions(chunk));
        FloatVectors.Scale(scoreScale, queries.Slice(0, rows * queryWidth));
        nint row = 0;
        foreach (var piece in chunk.Pieces)
        {
            var offset = row * queryWidth;
            for (var kvHead = 0; kvHead < config.NumKeyValueHeads; kvHead++)
                attention.Attend(layer, piece.Cached, kvHead, queries.Pointer + offset, attended.Pointer + offset);
            row += piece.Count;
        }

        Linear(packed, OProj, rows, attended, update);
        // A sum of its own rather than a product that accumulates onto the residual: the residual is rounded once per update.
        FloatVectors.Add(update.Slice(0, rows * hidden), new Span<float>(x, rows * hidden));

        Norm(rows, x, packed.Source.PostAttentionLayerNorm);
        Linear(packed, GateProj, rows, normed, queries);
        Linear(packed, UpProj, rows, normed, attended);
        var gated = queries.Slice(0, rows * intermediate);
        SwiGlu.Forward(gated, attended.Slice(0, rows * intermediate), gated);
        Linear(packed, DownProj, rows, queries, update);
        FloatVectors.Add(update.Slice(0, rows * hidden), new Span<float>(x, rows * hidden));
    }

    // Chunks of all rows hold consecutive ones.
    private static nint FirstRow(RowChunk chunk) => (nint)(chunk.Pieces[0].Sequence.FirstRow + chunk.Pieces[0].First);

    private ReadOnlySpan<int> Positions(RowChunk chunk)
    {
        if (positions.Length < chunk.Rows) positions = new int[chunk.Rows];
        var row = 0;
        foreach (var piece in chunk.Pieces)
            for (var i = 0; i < piece.Count; i++) positions[row++] = piece.Sequence.FirstPosition + piece.First + i;
        return positions.AsSpan(0, row);
    }

    private static void Linear(PackedLayer packed, int linear, int rows, FloatBuffer x, FloatBuffer y)
    {
        var weight = packed[linear];
        Gemm.Multiply(
            rows, x.Slice(0, rows * weight.Rows), weight.Rows, false, weight, y.Slice(0, rows * weight.Columns), weight.Columns, false);
        if (packed.Source.Biases[linear] is not { } bias) return;
        for (var row = 0; row < rows; row++) FloatVectors.Add(bias, y.Slice(row * bias.Length, bias.Length));
    }

    private void NormHeads(LlamaLayerWeights weights, int norm, Span<float> heads)
    {
        if (weights.Norms.Count > norm) NormRows(heads, weights.Norms[norm], epsilon, heads);
    }

    /// <summary>RMS norm of every row [weight's length].</summary>
    public static void NormRows(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        for (var at = 0; at < x.Length; at += weight.Length)
            RmsNorm.Forward(x.Slice(at, weight.Length), weight, epsilon, y.Slice(at, weight.Length));
    }

    /// <summary>What a layer's input is multiplied by before anything else; 1 touches nothing.</summary>
    public static void Scale(float scale, Span<float> x)
    {
        if (scale != 1) FloatVectors.Scale(scale, x);
    }

    private void Norm(int rows, float* x, ReadOnlySpan<float> weight)
    {
        normed.Reserve(rows * (long)hidden);
        NormRows(new ReadOnlySpan<float>(x, rows * hidden), weight, epsilon, normed.Slice(0, rows * hidden));
    }
}
