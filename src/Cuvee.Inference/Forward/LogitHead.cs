using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Hidden states to log-probabilities, a block of the vocabulary at a time: the blocks are packed one after the other in the same memory,
/// and a row's normaliser grows from block to block in their order.
/// </summary>
internal sealed unsafe class LogitHead(LlamaConfig config)
{
    /// <summary>Vocabulary entries per block: 64 rows of its logits are 1 MiB and stay in the second-level cache.</summary>
    private const int BlockColumns = 4096;

    private const int RowBlock = 64;

    private readonly PackedMatrix[] packed = [new(), new()];
    private double[] normalizers = []; // [targets] ln(sum(e^logit)) so far
    private float[] targetLogits = []; // [targets]

    /// <summary>Floats of one packed block.</summary>
    public static long BlockFloats(LlamaConfig config) => (long)Math.Min(BlockColumns, config.VocabSize) * config.HiddenSize;

    public int Blocks => (config.VocabSize + BlockColumns - 1) / BlockColumns;

    public void Begin(int targets)
    {
        if (normalizers.Length < targets) (normalizers, targetLogits) = (new double[targets], new float[targets]);
        normalizers.AsSpan(0, targets).Fill(double.NegativeInfinity);
    }

    public int Panels(int block) => (Columns(block) + PackedMatrix.PanelColumns - 1) / PackedMatrix.PanelColumns;

    public void BeginBlock(int block) => packed[block % 2].Reserve(config.HiddenSize, Columns(block));

    /// <param name="head">[vocab, hidden]</param>
    public void PackPanel(int block, int panel, StoredMatrix head) =>
        packed[block % 2].PackPanel(panel, head, (block * BlockColumns) + (panel * PackedMatrix.PanelColumns));

    /// <summary>Adds a block to the normalisers of some rows and picks their targets' logits where it holds them.</summary>
    /// <param name="states">[targets, hidden], normed.</param>
    /// <param name="targets">Token ids.</param>
    /// <param name="scratch">The calling thread's own.</param>
    public void AddBlock(int block, int first, int count, float* states, ReadOnlySpan<int> targets, FloatBuffer scratch)
    {
        var (matrix, columns, firstColumn) = (packed[block % 2], Columns(block), block * BlockColumns);
        var logits = scratch.Reserve(RowBlock * BlockColumns);
        for (var row = first; row < first + count; row += RowBlock)
        {
            var rows = Math.Min(RowBlock, first + count - row);
            var x = new ReadOnlySpan<float>(states + ((nint)row * config.HiddenSize), rows * config.HiddenSize);
            Gemm.Multiply(rows, x, config.HiddenSize, false, matrix, logits.Slice(0, rows * columns), columns, false);
            for (var i = 0; i < rows; i++)
            {
                var blockRow = logits.Slice(i * columns, columns);
                normalizers[row + i] = AddLogs(normalizers[row + i], Softmax.LogSumExp(blockRow));
                var target = targets[row + i] - firstColumn;
                if (target >= 0 && target < columns) targetLogits[row + i] = blockRow[target];
            }
        }
    }

    /// <summary>Natural logarithm of a target's probability, after the last block.</summary>
    public float LogProbability(int target) => (float)(targetLogits[target] - normalizers[target]);

    private int Columns(int block) => Math.Min(BlockColumns, config.VocabSize - (block * BlockColumns));

    /// <summary>ln(e^x + e^y); x may be minus infinity.</summary>
    private static double AddLogs(double x, double y)
    {
        var (low, high) = x < y ? (x, y) : (y, x);
        return double.IsNegativeInfinity(low) ? high : high + Math.Log(1 + Math.Exp(low - high));
    }
}
