using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// All rows of a sample through the model, one layer after the other, so that only two layers' weights exist in fp32 at a time however many
/// rows there are. In the last layer everything but keys and values is computed at the output rows only.
/// </summary>
internal sealed unsafe class SamplePass : IStagedWork
{
    private const int HeadPanelsAtOnce = 16;

    private readonly LlamaConfig config;
    private readonly ThreadTeam team;
    private readonly int largestChunk;
    private readonly PackedLayer[] packed;
    private readonly LogitHead head;
    private readonly Worker[] workers;
    private readonly FloatBuffer residual = new(); // [rows, hidden]
    private readonly FloatBuffer states = new(); // [outputs, hidden], normed

    private LlamaWeights weights = null!;
    private ILinearUpdate? update;
    private IReadOnlyList<RowChunk> chunks = [], outputChunks = [];
    private int[] targets = []; // [outputs]; empty when no logits are wanted
    private int[] adapted = []; // linears that the update adapts in some layer, the largest first

    public SamplePass(LlamaConfig config, RotaryTable rotary, ThreadTeam team)
    {
        (this.config, this.team) = (config, team);
        packed = [new PackedLayer(config), new PackedLayer(config)];
        head = new LogitHead(config);
        workers = [.. Enumerable.Range(0, team.Threads).Select(_ => new Worker(new LayerBlock(config, rotary), new FloatBuffer()))];
        largestChunk = LargestChunk(config);
    }

    /// <summary>Rows: activations near 3 MiB, and at least enough to make the weights' way from memory worth while.</summary>
    public static int LargestChunk(LlamaConfig config) =>
        Math.Clamp(768 * 1024 / (config.HiddenSize + (2 * config.IntermediateSize)) / 12 * 12, 144, 264);

    int IStagedWork.Stages => weights.Layers.Count + (targets.Length > 0 ? head.Blocks : 0);

    /// <summary>Fills the caches of the sequences and forms the final hidden states of their outputs.</summary>
    /// <param name="candidate">Null for the weights as they are.</param>
    /// <param name="targetTokens">One per output, whose log-probabilities are then asked for; or empty.</param>
    /// <returns>[outputs, hidden], normed, valid until the next call.</returns>
    public ReadOnlySpan<float> Run(
        LlamaWeights model, ILinearUpdate? candidate, IReadOnlyList<SequenceRows> sequences, int[] targetTokens,
        CancellationToken cancellationToken)
    {
        (weights, update, targets) = (model, candidate, targetTokens);
        var modules = config.LinearModules;
        adapted = candidate is null
            ? []
            : [.. Enumerable.Range(0, modules.Count).OrderByDescending(linear => (long)modules[linear].InFeatures)];
        var last = sequences[^1];
        residual.Reserve((last.FirstRow + last.Count) * config.HiddenSize);
        var outputs = sequences.Sum(sequence => sequence.Outputs);
        states.Reserve((long)outputs * config.HiddenSize);
        chunks = RowChunk.Cut(sequences, outputsOnly: false, largestChunk, team.Threads);
        outputChunks = RowChunk.Cut(sequences, outputsOnly: true, largestChunk, team.Threads);
        head.Begin(targets.Length);
        try
        {
            LayerPipeline.Run(team, this, cancellationToken);
        }
        finally
        {
            chunks = outputChunks = []; // they hold the sequences' caches
        }

        foreach (var sequence in sequences) sequence.Cache.Length = sequence.FirstPosition - sequence.PrefixLength + sequence.Count;
        return states.Slice(0, checked(outputs * config.HiddenSize));
    }

    /// <summary>After a run with targets: of the output, in nats.</summary>
    public float LogProbability(int output) => head.LogProbability(output);

    int IStagedWork.Items(int stage, StagePhase phase)
    {
        var isLayer = stage < weights.Layers.Count;
        return phase switch
        {
            StagePhase.Prepare => isLayer ? adapted.Length : 0,
            StagePhase.Form => isLayer
                ? packed[0].Items
                : (head.Panels(stage - weights.Layers.Count) + HeadPanelsAtOnce - 1) / HeadPanelsAtOnce,
            StagePhase.First => isLayer ? chunks.Count : 0,
            _ => stage < weights.Layers.Count - 1 ? chunks.Count : outputChunks.Count,
        };
    }

    void IStagedWork.Begin(int stage)
    {
        if (stage < weights.Layers.Count) packed[stage % 2].Begin(weights.Layers[stage]);
        else head.BeginBlock(stage - weights.Layers.Count);
    }

    void IStagedWork.Run(int worker, int stage, StagePhase phase, int item)
    {
        var (block, scratch) = workers[worker];
        if (stage >= weights.Layers.Count)
        {
            RunHead(stage - weights.Layers.Count, phase, item, scratch);
            return;
        }

        var layer = packed[stage % 2];
        switch (phase)
        {
            case StagePhase.Prepare:
                if (update!.Adapts(stage, adapted[item])) update.Prepare(stage, adapted[item]);
                break;
            case StagePhase.Form:
                layer.Form(item, stage, update, scratch);
                break;
            case StagePhase.First:
                if (stage == 0) Embed(chunks[item]);
                LayerBlock.Scale(layer.Source.InputScale, RowsOf(chunks[item]));
                block.AppendKeysAndValues(stage, layer, chunks[item], residual.Pointer);
                break;
            default:
                if (stage < weights.Layers.Count - 1) block.Run(stage, layer, chunks[item], residual.Pointer);
                else block.RunOutputs(stage, layer, outputChunks[item], residual.Pointer, weights.Norm, states.Pointer);
                break;
        }
    }

    private void RunHead(int block, StagePhase phase, int item, FloatBuffer scratch)
    {
        if (phase == StagePhase.Form)
        {
            var end = Math.Min((item + 1) * HeadPanelsAtOnce, head.Panels(block));
            for (var panel = item * HeadPanelsAtOnce; panel < end; panel++) head.PackPanel(block, panel, weights.LmHead);
            return;
        }

        var chunk = outputChunks[item];
        head.AddBlock(block, chunk.FirstOutput, chunk.Rows, states.Pointer, targets, scratch);
    }

    // Chunks of all rows hold consecutive ones.
    private Span<float> RowsOf(RowChunk chunk) => residual.Slice(
        (chunk.Pieces[0].Sequence.FirstRow + chunk.Pieces[0].First) * config.HiddenSize, chunk.Rows * config.HiddenSize);

    private void Embed(RowChunk chunk)
    {
        foreach (var piece in chunk.Pieces)
        {
            for (var i = piece.First; i < piece.First + piece.Count; i++)
            {
                weights.EmbedTokens.ReadRow(
                    piece.Sequence.Token(i), residual.Slice((piece.Sequence.FirstRow + i) * config.HiddenSize, config.HiddenSize));
            }
        }
    }

    private sealed record Worker(LayerBlock Block, FloatBuffer Scratch);
}
