using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>Hidden states to logits or log-probabilities, a block of rows and of vocabulary at a time; runs on the calling thread.</summary>
internal sealed class LogitHead(LlamaConfig config, PackedLlamaWeights packed)
{
    private const int RowBlock = 64;

    private readonly FloatBuffer block = new(); // [RowBlock, HeadColumns]
    private readonly float[] maxima = new float[RowBlock];
    private readonly double[] sums = new double[RowBlock];
    private readonly float[] targetLogits = new float[RowBlock];

    /// <param name="states">[targets, hidden], normed.</param>
    /// <param name="targets">Token ids.</param>
    /// <param name="result">[targets], natural logarithms.</param>
    public void LogProbabilities(ReadOnlySpan<float> states, ReadOnlySpan<int> targets, Span<float> result)
    {
        for (var first = 0; first < targets.Length; first += RowBlock)
        {
            var rows = Math.Min(RowBlock, targets.Length - first);
            LogProbabilities(rows, states[(first * config.HiddenSize)..], targets.Slice(first, rows), result.Slice(first, rows));
        }
    }

    /// <param name="states">[rows, hidden], normed.</param>
    /// <param name="logits">[rows, vocab]</param>
    public void Logits(int rows, ReadOnlySpan<float> states, Span<float> logits)
    {
        for (int i = 0, first = 0; i < packed.Head.Count; first += packed.Head[i++].Columns)
            Gemm.Multiply(rows, states, config.HiddenSize, false, packed.Head[i], logits[first..], config.VocabSize, false);
    }

    private void LogProbabilities(int rows, ReadOnlySpan<float> states, ReadOnlySpan<int> targets, Span<float> result)
    {
        maxima.AsSpan().Fill(float.NegativeInfinity);
        sums.AsSpan().Clear();
        for (int i = 0, first = 0; i < packed.Head.Count; first += packed.Head[i++].Columns)
        {
            var columns = packed.Head[i].Columns;
            var logits = block.Reserve(RowBlock * columns).Span;
            Gemm.Multiply(rows, states, config.HiddenSize, false, packed.Head[i], logits, columns, false);
            for (var row = 0; row < rows; row++)
            {
                var blockRow = logits.Slice(row * columns, columns);
                var (max, sum) = RowKernels.LogSumExp(blockRow);
                var target = targets[row] - first;
                if (target >= 0 && target < columns) targetLogits[row] = blockRow[target];
                var both = Math.Max(max, maxima[row]);
                sums[row] = (sums[row] * Math.Exp((double)maxima[row] - both)) + (sum * Math.Exp((double)max - both));
                maxima[row] = both;
            }
        }

        for (var row = 0; row < rows; row++) result[row] = (float)(targetLogits[row] - (maxima[row] + Math.Log(sums[row])));
    }
}
