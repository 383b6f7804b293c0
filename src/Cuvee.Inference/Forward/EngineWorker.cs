using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>What one thread computes with: its buffers, and the weights that all share.</summary>
internal sealed class EngineWorker
{
    private readonly TokenBatch batch = new();
    private readonly LlamaForward forward;
    private readonly LogitHead head;
    private readonly BatchedDecoder decoder;
    private int[] targets = [];
    private float[] scores = [];

    public EngineWorker(LlamaConfig config, PackedLlamaWeights packed, RotaryTable rotary)
    {
        forward = new LlamaForward(config, packed, rotary);
        head = new LogitHead(config, packed);
        decoder = new BatchedDecoder(config, forward, head, batch);
    }

    /// <summary>The threads that help with this worker's products while the others have nothing to do; null for none.</summary>
    public ThreadTeam? Helpers
    {
        set => forward.Team = value;
    }

    /// <summary>Continues prompts of <paramref name="job"/> until none is left.</summary>
    public void Generate(GenerationJob job, GeneratedTokens[] results, CancellationToken cancellationToken) =>
        decoder.Run(job, results, cancellationToken);

    /// <summary>Fills an empty cache.</summary>
    public void Prefill(ReadOnlySpan<int> tokens, KvCache cache)
    {
        batch.Clear();
        batch.Add(tokens, tokens.Length, past: null, cache);
        forward.Run(batch);
    }

    /// <param name="chunk">Records to score in one forward pass.</param>
    /// <param name="past">Keys and values of the tokens that all records begin with; or null.</param>
    /// <param name="results">[records]; those of the chunk are set.</param>
    public void Score(IReadOnlyList<TokenizedRecord> records, Range chunk, KvCache? past, float[][] results)
    {
        var pastLength = past?.Length ?? 0;
        batch.Clear();
        for (var i = chunk.Start.Value; i < chunk.End.Value; i++)
        {
            var record = records[i];
            batch.Add(record.Tokens.AsSpan(pastLength..^1), record.ScoredFrom - 1 - pastLength, past, cache: null);
        }

        if (targets.Length < batch.Outputs) (targets, scores) = (new int[batch.Outputs], new float[batch.Outputs]);
        for (int i = chunk.Start.Value, output = 0; i < chunk.End.Value; output += records[i++].ScoredTokens)
            records[i].Tokens.AsSpan(records[i].ScoredFrom).CopyTo(targets.AsSpan(output));
        var states = forward.Run(batch);
        head.LogProbabilities(states, targets.AsSpan(0, batch.Outputs), scores);
        for (int i = chunk.Start.Value, output = 0; i < chunk.End.Value; output += records[i++].ScoredTokens)
            results[i] = scores.AsSpan(output, records[i].ScoredTokens).ToArray();
    }
}
