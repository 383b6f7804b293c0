using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// The Llama forward pass on token ids: fp32, all threads of one team, each thread computing whole chunks of sequences by itself. A record's
/// log-probabilities have the same bits whatever it is batched with and for any number of threads. Buffers grow and are reused. One call at a
/// time: not thread-safe.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    private readonly PackedLlamaWeights packed;
    private readonly RotaryTable rotary;
    private readonly Worker[] workers;
    private readonly KvCache prefix = new();

    /// <param name="threads">Threads that work on a call, the caller's included; null means one per processor.</param>
    public LlamaEngine(LlamaConfig config, int? threads = null)
    {
        Config = config;
        Team = new ThreadTeam(threads ?? 0);
        packed = new PackedLlamaWeights(config);
        rotary = new RotaryTable(config.HeadDim, config.RopeTheta);
        workers = [.. Enumerable.Range(0, Team.Threads).Select(_ => new Worker(config, packed, rotary))];
    }

    public LlamaConfig Config { get; }

    /// <summary>Free for other work between calls.</summary>
    public ThreadTeam Team { get; }

    /// <summary>What the next call computes with; null before the first <see cref="SetWeights"/>.</summary>
    public LlamaWeights? Weights => packed.Source;

    /// <summary>Packs the linear weights (a copy, in memory that is reused). Norms and embeddings are read from <paramref name="weights"/> at each call.</summary>
    public void SetWeights(LlamaWeights weights) => packed.Pack(weights, Team);

    /// <summary>
    /// Evaluates <paramref name="modules"/> as low-rank side products beside the weights from now on; null ends it. Folding the adapter into
    /// the weights computes the same up to rounding and is faster for anything but a handful of rows.
    /// </summary>
    /// <exception cref="ArgumentException">A module does not fit the model.</exception>
    public void ApplyLora(IReadOnlyList<LoraModule>? modules)
    {
        var lora = modules is null ? null : new LoraSideProducts(Config, modules);
        foreach (var worker in workers) worker.Forward.Lora = lora;
    }

    /// <summary>Log-probability in nats of each scored token, record by record in the order of the input.</summary>
    /// <exception cref="ArgumentException">A record that cannot be scored; the message names it.</exception>
    public IReadOnlyList<float[]> ScoreTokens(IReadOnlyList<TokenizedRecord> records, CancellationToken cancellationToken = default)
    {
        foreach (var record in records) Check(record);
        var results = new float[records.Count][];
        if (records.Count == 0) return results;
        var plan = ScoringPlan.Create(records, Team.Threads);
        rotary.Reserve(records.Max(record => record.Tokens.Length));
        var past = plan.PrefixLength > 0 ? RunPrefix(records[0].Tokens.AsSpan(0, plan.PrefixLength)) : null;
        var nextChunk = -1;
        Team.Run(workers.Length, worker =>
        {
            int chunk;
            while ((chunk = Interlocked.Increment(ref nextChunk)) < plan.Chunks.Count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                workers[worker].Score(records, plan.Chunks[chunk], past, results);
            }
        });
        return results;
    }

    public void Dispose() => Team.Dispose();

    private KvCache RunPrefix(ReadOnlySpan<int> tokens)
    {
        prefix.Reset(Config.NumHiddenLayers, Config.NumKeyValueHeads, Config.HeadDim, tokens.Length);
        var batch = workers[0].Batch;
        batch.Clear();
        batch.Add(tokens, tokens.Length, past: null, prefix);
        workers[0].Forward.Run(batch);
        return prefix;
    }

    private void Check(TokenizedRecord record)
    {
        if (record.ScoredFrom < 1 || record.ScoredFrom >= record.Tokens.Length)
        {
            throw new ArgumentException(
                $"Record '{record.Id}' scores from token {record.ScoredFrom} of {record.Tokens.Length}; give it at least one token before and one after.");
        }

        if (record.Tokens.Length > Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"Record '{record.Id}' has {record.Tokens.Length} tokens, more than the model's context of {Config.MaxPositionEmbeddings}; shorten it.");
        }

        foreach (var token in record.Tokens)
        {
            if ((uint)token >= (uint)Config.VocabSize)
                throw new ArgumentException($"Record '{record.Id}' holds token {token}, outside the vocabulary of {Config.VocabSize}.");
        }
    }

    /// <summary>What one thread computes with.</summary>
    private sealed class Worker(LlamaConfig config, PackedLlamaWeights packed, RotaryTable rotary)
    {
        private readonly LogitHead head = new(config, packed);
        private int[] targets = [];
        private float[] scores = [];

        public LlamaForward Forward { get; } = new(config, packed, rotary);

        public TokenBatch Batch { get; } = new();

        public void Score(IReadOnlyList<TokenizedRecord> records, Range chunk, KvCache? past, float[][] results)
        {
            var pastLength = past?.Length ?? 0;
            Batch.Clear();
            for (var i = chunk.Start.Value; i < chunk.End.Value; i++)
            {
                var record = records[i];
                Batch.Add(record.Tokens.AsSpan(pastLength..^1), record.ScoredFrom - 1 - pastLength, past, cache: null);
            }

            if (targets.Length < Batch.Outputs) (targets, scores) = (new int[Batch.Outputs], new float[Batch.Outputs]);
            for (int i = chunk.Start.Value, output = 0; i < chunk.End.Value; output += records[i++].ScoredTokens)
                records[i].Tokens.AsSpan(records[i].ScoredFrom).CopyTo(targets.AsSpan(output));
            var states = Forward.Run(Batch);
            head.LogProbabilities(states, targets.AsSpan(0, Batch.Outputs), scores);
            for (int i = chunk.Start.Value, output = 0; i < chunk.End.Value; output += records[i++].ScoredTokens)
                results[i] = scores.AsSpan(output, records[i].ScoredTokens).ToArray();
        }
    }
}
