using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// Forward and backward of a batch, with the kernels of the engine going forward. All threads share every product, the heads of attention
/// and the rows of the rest: the same bits for any number of them. Holds its buffers between steps; not thread-safe.
/// </summary>
internal sealed class TrainingPass
{
    // Indices into LlamaConfig.LinearModules.
    private const int QProj = 0, KProj = 1, VProj = 2, OProj = 3, GateProj = 4, UpProj = 5, DownProj = 6;

    // Indices into LlamaConfig.Norms; the last two where the family has them.
    private const int InputNorm = 0, PostAttentionNorm = 1, QueryNorm = 2, KeyNorm = 3;

    private readonly LlamaConfig config;
    private readonly SharedWork work;
    private readonly IReadOnlyList<LinearModule> linears;
    private readonly RotaryTable rotary;
    private readonly TrainingAttention attention;
    private readonly TrainingHead head;
    private readonly int hidden, ffn, headDim, queryWidth, keyWidth;
    private readonly float epsilon, scoreScale;
    private readonly BatchRows batch = new();
    private readonly BlockActivations[] blocks;
    private float[] output = [];         // [rows, hidden] residual stream after the last block
    private float[] gradient = [];       // [rows, hidden] of the residual stream
    private float[] normGradient = [];   // [rows, hidden]
    private float[] wideGradient = [];   // [rows, max(ffn, heads * headDim)]
    private float[] upGradient = [];     // [rows, ffn]
    private float[] queryGradient = [];  // [rows, heads * headDim]
    private float[] keyGradient = [];    // [rows, kvHeads * headDim]
    private float[] valueGradient = [];  // [rows, kvHeads * headDim]

    public TrainingPass(LlamaConfig config, SharedWork work)
    {
        this.config = config;
        this.work = work;
        linears = config.LinearModules;
        rotary = new RotaryTable(config.HeadDim, config.RopeTheta, config.RopeScaling);
        attention = new TrainingAttention(config, work);
        head = new TrainingHead(config, work);
        (hidden, ffn, headDim) = (config.HiddenSize, config.IntermediateSize, config.HeadDim);
        (queryWidth, keyWidth) = (config.NumAttentionHeads * headDim, config.NumKeyValueHeads * headDim);
        (epsilon, scoreScale) = ((float)config.RmsNormEps, (float)(1 / Math.Sqrt(headDim)));
        blocks = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new BlockActivations())];
    }

    /// <summary>
    /// Sum of the negative log-likelihood over the scored tokens of <paramref name="examples"/>, in nats; gradients of
    /// <paramref name="lossScale"/> times it go to the sink.
    /// </summary>
    /// <param name="sink">Null: forward only.</param>
    public double Run(DenseWeights weights, IReadOnlyList<TrainingExample> examples, float lossScale, IGradientSink? sink)
    {
        if (examples.Count == 0) return 0;
        batch.Lay(examples, config.NumAttentionHeads);
        Reserve();
        var first = blocks[0].Input;
        work.ForRows(batch.Rows, (row, count) =>
        {
            for (; count > 0; row++, count--)
                weights.EmbedTokens.AsSpan(batch.Tokens.Span[row] * hidden, hidden).CopyTo(first.AsSpan(row * hidden, hidden));
        });
        for (var layer = 0; layer < blocks.Length; layer++)
            Forward(weights.Layers[layer], blocks[layer], layer + 1 < blocks.Length ? blocks[layer + 1].Input : output);
        var loss = head.Run(weights, batch, output, gradient, lossScale, sink);
        if (sink is null) return loss;
        for (var layer = blocks.Length - 1; layer >= 0; layer--)
        {
            BackwardMlp(weights.Layers[layer], blocks[layer], layer, sink);
            BackwardAttention(weights.Layers[layer], blocks[layer], layer, sink);
            if (layer == 0 && !sink.WantsEmbeddings) return loss;
            BackwardProjections(weights.Layers[layer], blocks[layer], layer, sink);
        }

        sink.AddEmbedding(batch.Tokens, gradient);
        return loss;
    }

    private void Forward(DenseLayerWeights weights, BlockActivations block, float[] next)
    {
        var normed = config.Family.HasQkNorm;
        Norm(block.Input, weights.Norms[InputNorm], block.InputNormed, hidden);
        Linear(weights, QProj, block.InputNormed, normed ? block.QueryProjected : block.Query);
        Linear(weights, KProj, block.InputNormed, normed ? block.KeyProjected : block.Key);
        Linear(weights, VProj, block.InputNormed, block.Value);
        if (normed)
        {
            Norm(block.QueryProjected, weights.Norms[QueryNorm], block.Query, queryWidth);
            Norm(block.KeyProjected, weights.Norms[KeyNorm], block.Key, keyWidth);
        }

        work.ForRows(batch.Rows, (first, count) =>
        {
            var queries = Rows(block.Query, first, count, queryWidth);
            var positions = batch.Positions.Slice(first, count);
            rotary.Rotate(queries, config.NumAttentionHeads, positions);
            FloatVectors.Scale(scoreScale, queries);
            rotary.Rotate(Rows(block.Key, first, count, keyWidth), config.NumKeyValueHeads, positions);
        });
        attention.Forward(batch, block);
        AddLinear(weights, OProj, block.Attention, block.Input, block.Middle);

        Norm(block.Middle, weights.Norms[PostAttentionNorm], block.MiddleNormed, hidden);
        Linear(weights, GateProj, block.MiddleNormed, block.Gate);
        Linear(weights, UpProj, block.MiddleNormed, block.Up);
        work.ForRows(batch.Rows, (first, count) => SwiGlu.Forward(
            Rows(block.Gate, first, count, ffn), Rows(block.Up, first, count, ffn), Rows(block.Activated, first, count, ffn)));
        AddLinear(weights, DownProj, block.Activated, block.Middle, next);
    }

    private void BackwardMlp(DenseLayerWeights weights, BlockActivations block, int layer, IGradientSink sink)
    {
        sink.AddLinear(layer, DownProj, batch.Rows, block.Activated, gradient);
        LinearBackward(weights, DownProj, gradient, wideGradient, accumulate: false);
        work.ForRows(batch.Rows, (first, count) =>
        {
            var activated = Rows(wideGradient, first, count, ffn); // becomes the gate's
            SwiGlu.Backward(
                Rows(block.Gate, first, count, ffn), Rows(block.Up, first, count, ffn), activated, activated,
                Rows(upGradient, first, count, ffn));
        });
        sink.AddLinear(layer, GateProj, batch.Rows, block.MiddleNormed, wideGradient);
        sink.AddLinear(layer, UpProj, batch.Rows, block.MiddleNormed, upGradient);
        LinearBackward(weights, GateProj, wideGradient, normGradient, accumulate: false);
        LinearBackward(weights, UpProj, upGradient, normGradient, accumulate: true);
        NormBackward(block.Middle, weights.Norms[PostAttentionNorm], sink.NormGradient(layer, PostAttentionNorm));
    }

    /// <summary>Down to the gradients of what q_proj, k_proj and v_proj give.</summary>
    private void BackwardAttention(DenseLayerWeights weights, BlockActivations block, int layer, IGradientSink sink)
    {
        sink.AddLinear(layer, OProj, batch.Rows, block.Attention, gradient);
        LinearBackward(weights, OProj, gradient, wideGradient, accumulate: false);
        attention.Backward(batch, block, wideGradient, queryGradient, keyGradient, valueGradient);
        work.ForRows(batch.Rows, (first, count) =>
        {
            var queries = Rows(queryGradient, first, count, queryWidth);
            var positions = batch.Positions.Slice(first, count);
            FloatVectors.Scale(scoreScale, queries);
            rotary.RotateBack(queries, config.NumAttentionHeads, positions);
            rotary.RotateBack(Rows(keyGradient, first, count, keyWidth), config.NumKeyValueHeads, positions);
        });
        if (config.Family.HasQkNorm)
        {
            HeadNormBackward(
                queryWidth, block.QueryProjected, weights.Norms[QueryNorm], queryGradient, sink.NormGradient(layer, QueryNorm));
            HeadNormBackward(keyWidth, block.KeyProjected, weights.Norms[KeyNorm], keyGradient, sink.NormGradient(layer, KeyNorm));
        }

        sink.AddLinear(layer, QProj, batch.Rows, block.InputNormed, queryGradient);
        sink.AddLinear(layer, KProj, batch.Rows, block.InputNormed, keyGradient);
        sink.AddLinear(layer, VProj, batch.Rows, block.InputNormed, valueGradient);
    }

    private void BackwardProjections(DenseLayerWeights weights, BlockActivations block, int layer, IGradientSink sink)
    {
        LinearBackward(weights, QProj, queryGradient, normGradient, accumulate: false);
        LinearBackward(weights, KProj, keyGradient, normGradient, accumulate: true);
        LinearBackward(weights, VProj, valueGradient, normGradient, accumulate: true);
        NormBackward(block.Input, weights.Norms[InputNorm], sink.NormGradient(layer, InputNorm));
    }

    /// <summary>y[rows, out] = x[rows, in] * w[out, in]^T + bias.</summary>
    private void Linear(DenseLayerWeights weights, int linear, float[] x, float[] y)
    {
        var (_, outFeatures, inFeatures) = linears[linear];
        var rows = x.AsSpan(0, batch.Rows * inFeatures);
        work.Multiply(batch.Rows, outFeatures, inFeatures, rows, false, weights.Linears[linear], true, y, false);
        AddBias(weights.Biases[linear], y);
    }

    /// <summary>y[rows, hidden] = residual + x[rows, in] * w[hidden, in]^T + bias.</summary>
    private void AddLinear(DenseLayerWeights weights, int linear, float[] x, float[] residual, float[] y)
    {
        work.ForRows(batch.Rows, (first, count) => Rows(residual, first, count, hidden).CopyTo(Rows(y, first, count, hidden)));
        var inFeatures = linears[linear].InFeatures;
        work.Multiply(batch.Rows, hidden, inFeatures, x.AsSpan(0, batch.Rows * inFeatures), false, weights.Linears[linear], true, y, true);
        AddBias(weights.Biases[linear], y);
    }

    private void AddBias(float[]? bias, float[] y)
    {
        if (bias is null) return;
        work.ForRows(batch.Rows, (row, count) =>
        {
            for (; count > 0; row++, count--) FloatVectors.Add(bias, y.AsSpan(row * bias.Length, bias.Length));
        });
    }

    /// <summary>dx[rows, in] (+)= dy[rows, out] * w[out, in].</summary>
    private void LinearBackward(DenseLayerWeights weights, int linear, float[] dy, float[] dx, bool accumulate)
    {
        var (_, outFeatures, inFeatures) = linears[linear];
        var rows = dy.AsSpan(0, batch.Rows * outFeatures);
        work.Multiply(batch.Rows, inFeatures, outFeatures, rows, false, weights.Linears[linear], false, dx, accumulate);
    }

    /// <summary>Norms every [weight's length] of the rows.</summary>
    /// <param name="x">[rows, width]</param>
    private void Norm(float[] x, float[] weight, float[] y, int width) => work.ForRows(batch.Rows, (first, count) =>
    {
        for (var at = first * width; at < (first + count) * width; at += weight.Length)
            RmsNorm.Forward(x.AsSpan(at, weight.Length), weight, epsilon, y.AsSpan(at, weight.Length));
    });

    /// <summary>Adds the gradient through a norm [hidden] to the residual stream's.</summary>
    private void NormBackward(float[] x, float[] weight, float[]? weightGradient) =>
        work.ForRows(batch.Rows, weightGradient, (first, count, partial) =>
        {
            for (var at = first * hidden; at < (first + count) * hidden; at += hidden)
            {
                RmsNorm.Backward(
                    x.AsSpan(at, hidden), weight, epsilon, normGradient.AsSpan(at, hidden), gradient.AsSpan(at, hidden), partial);
            }
        });

    /// <summary>Takes the gradient [rows, width] through the norm [headDim] of every head, in place.</summary>
    private void HeadNormBackward(int width, float[] x, float[] weight, float[] headGradient, float[]? weightGradient) =>
        work.ForRows(batch.Rows, weightGradient, (first, count, partial) =>
        {
            var outputGradient = new float[headDim];
            for (var at = first * width; at < (first + count) * width; at += headDim)
            {
                var inputGradient = headGradient.AsSpan(at, headDim);
                inputGradient.CopyTo(outputGradient);
                inputGradient.Clear();
                RmsNorm.Backward(x.AsSpan(at, headDim), weight, epsilon, outputGradient, inputGradient, partial);
            }
        });

    private static Span<float> Rows(float[] x, int first, int count, int width) => x.AsSpan(first * width, count * width);

    private void Reserve()
    {
        rotary.Reserve(batch.LongestSequence);
        foreach (var block in blocks) block.Reserve(config, batch);
        BatchRows.Grow(ref output, checked(batch.Rows * hidden));
        BatchRows.Grow(ref gradient, checked(batch.Rows * hidden));
        BatchRows.Grow(ref normGradient, checked(batch.Rows * hidden));
        BatchRows.Grow(ref wideGradient, checked(batch.Rows * Math.Max(ffn, queryWidth)));
        BatchRows.Grow(ref upGradient, checked(batch.Rows * ffn));
        BatchRows.Grow(ref queryGradient, checked(batch.Rows * queryWidth));
        BatchRows.Grow(ref keyGradient, checked(batch.Rows * keyWidth));
        BatchRows.Grow(ref valueGradient, checked(batch.Rows * keyWidth));
    }
}
