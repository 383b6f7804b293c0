using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Hidden states to logits or log-probabilities, a block of rows and of vocabulary at a time; runs on the calling thread.
/// </summary>
internal sealed class LogitHead(LlamaConfig config, PackedLlamaWeights packed)
{
    private const int RowBlock = 64;

    private readonly FloatBuffer block = new(); // [RowBlock, HeadColumns]
    private readonly double[] normalizers = new double[RowBlock]; // ln(sum(e^logit)) so far
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
        normalizers.AsSpan().Fill(double.NegativeInfinity);
        for (int i = 0, first = 0; i < packed.Head.Count; first += packed.Head[i++].Columns)
        {
            var columns = packed.Head[i].Columns;
            var logits = block.Reserve(RowBlock * columns).Span;
            Gemm.Multiply(rows, states, config.HiddenSize, false, packed.Head[i], logits, columns, false);
            for (var row = 0; row < rows; row++)
            {
                var blockRow = logits.Slice(row * columns, columns);
                normalizers[row] = AddLogs(normalizers[row], Softmax.LogSumExp(blockRow));
                var target = targets[row] - first;
                if (target >= 0 && target < columns) targetLogits[row] = blockRow[target];
            }
        }

        for (var row = 0; row < rows; row++) result[row] = (float)(targetLogits[row] - normalizers[row]);
    }

    /// <summary>ln(e^x + e^y); x may be minus infinity.</summary>
    private static double AddLogs(double x, double y)
    {
        var (low, high) = x < y ? (x, y) : (y, x);
        return double.IsNegativeInfinity(low) ? high : high + Math.Log(1 + Math.Exp(low - high));
    }
}
