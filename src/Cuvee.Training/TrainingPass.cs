using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// Forward and backward of one shard of a batch on one thread. Sequences are concatenated without padding: a row is a token, attention
/// stays inside its sequence. Holds its buffers between steps; not thread-safe.
/// </summary>
internal sealed class TrainingPass
{
    private const int HeadChunk = 256; // rows of logits in flight: [256, vocab]

    private readonly LlamaConfig config;
    private readonly int headDim, heads, kvHeads, hidden, ffn, queryWidth, keyWidth;
    private readonly BlockActivations[] blocks;
    private readonly float[] cos, sin; // [maxPositions, headDim / 2]

    private float[] output = [], outputNormed = [], outputScale = [];
    private float[] gradient = [], normGradient = [], wideGradient = [], wideGradient2 = [],
        queryGradient = [], keyGradient = [], valueGradient = [];
    private float[] scores = [], scoredHidden = [], scoredGradient = [], logits = [];
    private int[] tokens = [], positions = [], scoredRows = [], targets = [];
    private (int Start, int Length, int ProbabilityOffset)[] sequences = [];
    private int rows, scored;

    /// <exception cref="ArgumentException">The model has more than Llama's own block.</exception>
    public TrainingPass(LlamaConfig config)
    {
        if (!config.IsPlain)
        {
            throw new ArgumentException(
                $"Training computes plain Llama blocks; a {config.Family.ModelType} model with biases, query and key norms, " +
                "scaled rotary positions or a sliding window cannot be trained here.",
                nameof(config));
        }

        this.config = config;
        headDim = config.HeadDim;
        heads = config.NumAttentionHeads;
        kvHeads = config.NumKeyValueHeads;
        hidden = config.HiddenSize;
        ffn = config.IntermediateSize;
        queryWidth = heads * headDim;
        keyWidth = kvHeads * headDim;
        blocks = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new BlockActivations())];
        var half = headDim / 2;
        cos = new float[config.MaxPositionEmbeddings * half];
        sin = new float[config.MaxPositionEmbeddings * half];
        for (var position = 0; position < config.MaxPositionEmbeddings; position++)
        {
            for (var i = 0; i < half; i++)
            {
                var angle = position * Math.Pow(config.RopeTheta, -2.0 * i / headDim);
                cos[(position * half) + i] = (float)Math.Cos(angle);
                sin[(position * half) + i] = (float)Math.Sin(angle);
            }
        }
    }

    /// <summary>
    /// Sum of the negative log-likelihood over the shard's scored tokens, in nats; gradients of
    /// <paramref name="lossScale"/> times it go to the sink.
    /// </summary>
    /// <param name="sink">Null: forward only.</param>
    public double Run(DenseWeights weights, IReadOnlyList<TrainingExample> shard, float lossScale, IGradientSink? sink)
    {
        if (shard.Count == 0) return 0;
        Lay(shard);
        Forward(weights);
        var loss = Head(weights, lossScale, sink);
        if (sink is not null) Backward(weights, sink);
        return loss;
    }

    private void Lay(IReadOnlyList<TrainingExample> shard)
    {
        rows = 0;
        scored = 0;
        var probabilities = 0;
        if (sequences.Length != shard.Count) sequences = new (int, int, int)[shard.Count];
        for (var s = 0; s < shard.Count; s++)
        {
            var length = shard[s].Tokens.Length - 1; // the last token is only a target
            sequences[s] = (rows, length, probabilities);
            rows += length;
            scored += shard[s].Tokens.Length - shard[s].ScoredFrom;
            probabilities += heads * length * length;
        }

        Grow(ref tokens, rows);
        Grow(ref positions, rows);
        Grow(ref scoredRows, scored);
        Grow(ref targets, scored);
        var next = 0;
        for (var s = 0; s < shard.Count; s++)
        {
            var (start, length, _) = sequences[s];
            for (var i = 0; i < length; i++)
            {
                tokens[start + i] = shard[s].Tokens[i];
                positions[start + i] = i;
                if (i + 1 < shard[s].ScoredFrom) continue;
                scoredRows[next] = start + i;
                targets[next++] = shard[s].Tokens[i + 1];
            }
        }

        foreach (var block in blocks)
        {
            Grow(ref block.Input, rows * hidden);
            Grow(ref block.InputNormed, rows * hidden);
            Grow(ref block.InputScale, rows);
            Grow(ref block.Query, rows * queryWidth);
            Grow(ref block.Key, rows * keyWidth);
            Grow(ref block.Value, rows * keyWidth);
            Grow(ref block.Probabilities, probabilities);
            Grow(ref block.Attention, rows * queryWidth);
            Grow(ref block.Middle, rows * hidden);
            Grow(ref block.MiddleNormed, rows * hidden);
            Grow(ref block.MiddleScale, rows);
            Grow(ref block.Gate, rows * ffn);
            Grow(ref block.Up, rows * ffn);
            Grow(ref block.Activated, rows * ffn);
        }

        Grow(ref output, rows * hidden);
        Grow(ref outputNormed, rows * hidden);
        Grow(ref outputScale, rows);
        Grow(ref gradient, rows * hidden);
        Grow(ref normGradient, rows * hidden);
        Grow(ref wideGradient, rows * Math.Max(ffn, queryWidth));
        Grow(ref wideGradient2, rows * ffn);
        Grow(ref queryGradient, rows * queryWidth);
        Grow(ref keyGradient, rows * keyWidth);
        Grow(ref valueGradient, rows * keyWidth);
        Grow(ref scoredHidden, scored * hidden);
        Grow(ref scoredGradient, scored * hidden);
        Grow(ref logits, Math.Min(scored, HeadChunk) * config.VocabSize);
        Grow(ref scores, sequences.Max(s => s.Length * s.Length));
    }

    private void Forward(DenseWeights weights)
    {
        var eps = (float)config.RmsNormEps;
        for (var row = 0; row < rows; row++)
            weights.EmbedTokens.AsSpan(tokens[row] * hidden, hidden).CopyTo(blocks[0].Input.AsSpan(row * hidden));
        for (var l = 0; l < blocks.Length; l++)
        {
            var block = blocks[l];
            var layer = weights.Layers[l];
            TrainingKernels.RmsNorm(block.Input, layer.InputLayerNorm, block.InputNormed, block.InputScale.AsSpan(0, rows), hidden, eps);
            Linear(block.InputNormed, layer.QProj, block.Query, queryWidth, hidden);
            Linear(block.InputNormed, layer.KProj, block.Key, keyWidth, hidden);
            Linear(block.InputNormed, layer.VProj, block.Value, keyWidth, hidden);
            TrainingKernels.Rotate(block.Query, positions.AsSpan(0, rows), heads, headDim, cos, sin, 1);
            TrainingKernels.Rotate(block.Key, positions.AsSpan(0, rows), kvHeads, headDim, cos, sin, 1);
            Attend(block);
            block.Input.AsSpan(0, rows * hidden).CopyTo(block.Middle);
            Linear(block.Attention, layer.OProj, block.Middle, hidden, queryWidth, accumulate: true);
            TrainingKernels.RmsNorm(
                block.Middle, layer.PostAttentionLayerNorm, block.MiddleNormed, block.MiddleScale.AsSpan(0, rows), hidden, eps);
            Linear(block.MiddleNormed, layer.GateProj, block.Gate, ffn, hidden);
            Linear(block.MiddleNormed, layer.UpProj, block.Up, ffn, hidden);
            TrainingKernels.SwiGlu(block.Gate.AsSpan(0, rows * ffn), block.Up, block.Activated);
            var next = l + 1 < blocks.Length ? blocks[l + 1].Input : output;
            block.Middle.AsSpan(0, rows * hidden).CopyTo(next);
            Linear(block.Activated, layer.DownProj, next, hidden, ffn, accumulate: true);
        }

        TrainingKernels.RmsNorm(output, weights.Norm, outputNormed, outputScale.AsSpan(0, rows), hidden, eps);
    }

    private void Attend(BlockActivations block)
    {
        var scale = 1f / MathF.Sqrt(headDim);
        foreach (var (start, n, offset) in sequences)
        {
            for (var head = 0; head < heads; head++)
            {
                var kv = head / (heads / kvHeads) * headDim;
                var query = block.Query.AsSpan((start * queryWidth) + (head * headDim));
                var p = block.Probabilities.AsSpan(offset + (head * n * n), n * n); // [n, n]
                Gemm.Multiply(
                    n, n, headDim, query, queryWidth, false, block.Key.AsSpan((start * keyWidth) + kv), keyWidth, true,
                    p, n, false);
                for (var i = 0; i < n; i++) TrainingKernels.CausalSoftmax(p.Slice(i * n, n), i + 1, scale);
                Gemm.Multiply(
                    n, headDim, n, p, n, false, block.Value.AsSpan((start * keyWidth) + kv), keyWidth, false,
                    block.Attention.AsSpan((start * queryWidth) + (head * headDim)), queryWidth, false);
            }
        }
    }

    /// <summary>Loss and the gradient of the final hidden states, logits only where scored, in chunks of rows.</summary>
    private double Head(DenseWeights weights, float lossScale, IGradientSink? sink)
    {
        for (var i = 0; i < scored; i++) outputNormed.AsSpan(scoredRows[i] * hidden, hidden).CopyTo(scoredHidden.AsSpan(i * hidden));
        var loss = 0.0;
        for (var begin = 0; begin < scored; begin += HeadChunk)
        {
            var count = Math.Min(HeadChunk, scored - begin);
            var chunk = scoredHidden.AsSpan(begin * hidden, count * hidden);
            Gemm.Multiply(
                count, config.VocabSize, hidden, chunk, hidden, false, weights.LmHead, hidden, true,
                logits, config.VocabSize, false);
            for (var i = 0; i < count; i++)
                loss += TrainingKernels.CrossEntropy(logits.AsSpan(i * config.VocabSize, config.VocabSize), targets[begin + i], lossScale);
            if (sink is null) continue;
            sink.AddHead(count, chunk, logits.AsSpan(0, count * config.VocabSize));
            Gemm.Multiply(
                count, hidden, config.VocabSize, logits, config.VocabSize, false, weights.LmHead, hidden, false,
                scoredGradient.AsSpan(begin * hidden), hidden, false);
        }

        return loss;
    }

    private void Backward(DenseWeights weights, IGradientSink sink)
    {
        normGradient.AsSpan(0, rows * hidden).Clear();
        for (var i = 0; i < scored; i++) scoredGradient.AsSpan(i * hidden, hidden).CopyTo(normGradient.AsSpan(scoredRows[i] * hidden));
        var dx = gradient.AsSpan(0, rows * hidden);
        dx.Clear();
        TrainingKernels.RmsNormBackward(
            output, outputScale.AsSpan(0, rows), weights.Norm, normGradient, dx, sink.NormGradient(blocks.Length, false), hidden);

        for (var l = blocks.Length - 1; l >= 0; l--)
        {
            var block = blocks[l];
            var layer = weights.Layers[l];

            var dActivated = wideGradient.AsSpan(0, rows * ffn);
            sink.AddLinear(l, 6, rows, block.Activated, dx);
            LinearBackward(dx, layer.DownProj, dActivated, hidden, ffn, accumulate: false);
            var dUp = wideGradient2.AsSpan(0, rows * ffn);
            TrainingKernels.SwiGluBackward(block.Gate.AsSpan(0, rows * ffn), block.Up, dActivated, dActivated, dUp);
            sink.AddLinear(l, 4, rows, block.MiddleNormed, dActivated);
            sink.AddLinear(l, 5, rows, block.MiddleNormed, dUp);
            LinearBackward(dActivated, layer.GateProj, normGradient, ffn, hidden, accumulate: false);
            LinearBackward(dUp, layer.UpProj, normGradient, ffn, hidden, accumulate: true);
            TrainingKernels.RmsNormBackward(
                block.Middle, block.MiddleScale.AsSpan(0, rows), layer.PostAttentionLayerNorm, normGradient, dx,
                sink.NormGradient(l, true), hidden);

            sink.AddLinear(l, 3, rows, block.Attention, dx);
            var dAttention = wideGradient.AsSpan(0, rows * queryWidth);
            LinearBackward(dx, layer.OProj, dAttention, hidden, queryWidth, accumulate: false);
            AttendBackward(block, dAttention);
            TrainingKernels.Rotate(queryGradient, positions.AsSpan(0, rows), heads, headDim, cos, sin, -1);
            TrainingKernels.Rotate(keyGradient, positions.AsSpan(0, rows), kvHeads, headDim, cos, sin, -1);
            sink.AddLinear(l, 0, rows, block.InputNormed, queryGradient);
            sink.AddLinear(l, 1, rows, block.InputNormed, keyGradient);
            sink.AddLinear(l, 2, rows, block.InputNormed, valueGradient);
            if (l == 0 && !sink.WantsEmbeddings) return;
            LinearBackward(queryGradient, layer.QProj, normGradient, queryWidth, hidden, accumulate: false);
            LinearBackward(keyGradient, layer.KProj, normGradient, keyWidth, hidden, accumulate: true);
            LinearBackward(valueGradient, layer.VProj, normGradient, keyWidth, hidden, accumulate: true);
            TrainingKernels.RmsNormBackward(
                block.Input, block.InputScale.AsSpan(0, rows), layer.InputLayerNorm, normGradient, dx, sink.NormGradient(l, false), hidden);
        }

        sink.AddEmbedding(tokens.AsSpan(0, rows), dx);
    }

    private void AttendBackward(BlockActivations block, ReadOnlySpan<float> dAttention)
    {
        var scale = 1f / MathF.Sqrt(headDim);
        keyGradient.AsSpan(0, rows * keyWidth).Clear();
        valueGradient.AsSpan(0, rows * keyWidth).Clear();
        foreach (var (start, n, offset) in sequences)
        {
            for (var head = 0; head < heads; head++)
            {
                var q = (start * queryWidth) + (head * headDim);
                var kv = (start * keyWidth) + (head / (heads / kvHeads) * headDim);
                var p = block.Probabilities.AsSpan(offset + (head * n * n), n * n);
                var ds = scores.AsSpan(0, n * n); // [n, n]
                Gemm.Multiply(n, headDim, n, p, n, true, dAttention[q..], queryWidth, false, valueGradient.AsSpan(kv), keyWidth, true);
                Gemm.Multiply(n, n, headDim, dAttention[q..], queryWidth, false, block.Value.AsSpan(kv), keyWidth, true, ds, n, false);
                for (var i = 0; i < n; i++) TrainingKernels.SoftmaxBackward(p.Slice(i * n, n), ds.Slice(i * n, n), i + 1, scale);
                Gemm.Multiply(
                    n, headDim, n, ds, n, false, block.Key.AsSpan(kv), keyWidth, false,
                    queryGradient.AsSpan(q), queryWidth, false);
                Gemm.Multiply(n, headDim, n, ds, n, true, block.Query.AsSpan(q), queryWidth, false, keyGradient.AsSpan(kv), keyWidth, true);
            }
        }
    }

    /// <summary>y[rows, out] (+)= x[rows, in] * w[out, in]^T.</summary>
    private void Linear(ReadOnlySpan<float> x, float[] w, Span<float> y, int outFeatures, int inFeatures, bool accumulate = false) =>
        Gemm.Multiply(rows, outFeatures, inFeatures, x, inFeatures, false, w, inFeatures, true, y, outFeatures, accumulate);

    /// <summary>dx[rows, in] (+)= dy[rows, out] * w[out, in].</summary>
    private void LinearBackward(ReadOnlySpan<float> dy, float[] w, Span<float> dx, int outFeatures, int inFeatures, bool accumulate) =>
        Gemm.Multiply(rows, inFeatures, outFeatures, dy, outFeatures, false, w, inFeatures, false, dx, inFeatures, accumulate);

    private static void Grow<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length) buffer = new T[length + (length / 4)];
    }
}
