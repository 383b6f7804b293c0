using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// The linear weights in the order in which the matrix product reads them. Packed once per candidate, in the same memory.
/// </summary>
internal sealed class PackedLlamaWeights
{
    /// <summary>Vocabulary entries per block of logits: 64 rows of one block are 1 MiB and stay in L2.</summary>
    public const int HeadColumns = 4096;

    private readonly LlamaConfig config;
    private readonly PackedMatrix[] linears; // [layers * 7], order of LlamaConfig.LinearModules
    private readonly PackedMatrix[] head; // [ceil(vocab / HeadColumns)]
    private readonly int linearsPerLayer;

    public PackedLlamaWeights(LlamaConfig config)
    {
        this.config = config;
        linearsPerLayer = config.LinearModules.Count;
        linears = [.. Enumerable.Range(0, config.NumHiddenLayers * linearsPerLayer).Select(_ => new PackedMatrix())];
        head = [.. Enumerable.Range(0, (config.VocabSize + HeadColumns - 1) / HeadColumns).Select(_ => new PackedMatrix())];
    }

    /// <summary>What is packed; norms and embeddings are read from it directly.</summary>
    public LlamaWeights? Source { get; private set; }

    public IReadOnlyList<PackedMatrix> Head => head;

    public PackedMatrix Linear(int layer, int linear) => linears[(layer * linearsPerLayer) + linear];

    public void Pack(LlamaWeights weights, ThreadTeam team)
    {
        Source = null;
        var modules = config.LinearModules;
        team.Run(linears.Length + head.Length, item =>
        {
            if (item < linears.Length)
            {
                var (_, outFeatures, inFeatures) = modules[item % linearsPerLayer];
                var source = weights.Layers[item / linearsPerLayer].Linears[item % linearsPerLayer]; // [out, in]
                linears[item].Pack(inFeatures, outFeatures, source.ToSingles(), inFeatures, transpose: true);
                return;
            }

            var first = (item - linears.Length) * HeadColumns;
            var columns = Math.Min(HeadColumns, config.VocabSize - first);
            var rows = new float[columns * config.HiddenSize]; // [columns, hidden]
            weights.LmHead.ReadRows(first, columns, rows);
            head[item - linears.Length].Pack(config.HiddenSize, columns, rows, config.HiddenSize, transpose: true);
        });
        Source = weights;
    }
}
