using System.Buffers;
using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// One candidate's linear weights as a stored model, kept while prompts are continued: a token at a time, weights must be read, not formed.
/// The memory is taken at the first call and reused.
/// </summary>
internal sealed unsafe class CandidateCopy(LlamaConfig config, ThreadTeam team)
{
    /// <summary>Bytes up to which all linear weights are kept in fp32; beyond, rounding to bf16 halves what each token reads.</summary>
    public const long LargestFp32 = 256L << 20;

    private const int RowsAtOnce = 64;

    private readonly Dictionary<(int Layer, int Linear), FloatBuffer> memory = [];

    /// <summary>Of the copy when every linear is adapted.</summary>
    public static long Bytes(LlamaConfig config) => Floats(config) * (FormatOf(config) == StorageFormat.F32 ? sizeof(float)
        : sizeof(ushort));

    public LlamaWeights Form(LlamaWeights weights, ILinearUpdate update)
    {
        var format = FormatOf(config);
        var layers = new LlamaLayerWeights[weights.Layers.Count];
        for (var layer = 0; layer < layers.Length; layer++)
        {
            var source = weights.Layers[layer];
            var linears = source.Linears.ToArray();
            int[] adapted = [.. Enumerable.Range(0, linears.Length).Where(linear => update.Adapts(layer, linear))];
            var own = layer;
            team.Run(adapted.Length, i => update.Prepare(own, adapted[i]));
            foreach (var linear in adapted) linears[linear] = Form(own, linear, source.Linears[linear], update, format);
            layers[layer] = new LlamaLayerWeights
            {
                Linears = linears,
                Biases = source.Biases,
                Norms = source.Norms,
                InputScale = source.InputScale,
            };
        }

        return new LlamaWeights
        {
            Config = weights.Config,
            EmbedTokens = weights.EmbedTokens,
            Layers = layers,
            Norm = weights.Norm,
            LmHead = weights.LmHead,
        };
    }

    private static long Floats(LlamaConfig config) =>
        config.NumHiddenLayers * config.LinearModules.Sum(module => (long)module.OutFeatures * module.InFeatures);

    /// <summary>How a candidate of that shape is kept.</summary>
    public static StorageFormat FormatOf(LlamaConfig config) =>
        Floats(config) * sizeof(float) <= LargestFp32 ? StorageFormat.F32 : StorageFormat.BF16;

    /// <summary>Gives the memory back; weights formed before must not be read any more.</summary>
    public void Free()
    {
        foreach (var buffer in memory.Values) buffer.Free();
    }

    private StoredMatrix Form(int layer, int linear, StoredMatrix source, ILinearUpdate update, StorageFormat format)
    {
        if (!memory.TryGetValue((layer, linear), out var buffer)) memory.Add((layer, linear), buffer = new FloatBuffer());
        var rowBytes = format.RowBytes(source.Columns);
        buffer.Reserve(((source.Rows * (long)rowBytes) + sizeof(float) - 1) / sizeof(float));
        var target = (byte*)buffer.Pointer;
        team.Run((source.Rows + RowsAtOnce - 1) / RowsAtOnce, item =>
        {
            var first = item * RowsAtOnce;
            var count = Math.Min(RowsAtOnce, source.Rows - first);
            var to = target + (first * rowBytes);
            if (format == StorageFormat.F32)
            {
                FormRows(linear, source, update, first, new Span<float>(to, count * source.Columns));
                return;
            }

            var scratch = ArrayPool<float>.Shared.Rent(count * source.Columns);
            var rows = scratch.AsSpan(0, count * source.Columns);
            FormRows(linear, source, update, first, rows);
            BFloat16.FromSingle(rows, new Span<ushort>(to, rows.Length));
            ArrayPool<float>.Shared.Return(scratch);
        });
        return new StoredMatrix(format, source.Rows, source.Columns, target, buffer);
    }

    private static void FormRows(int linear, StoredMatrix source, ILinearUpdate update, int first, Span<float> rows)
    {
        source.ReadRows(first, rows.Length / source.Columns, rows);
        update.AddRows(linear, first, rows);
    }
}
