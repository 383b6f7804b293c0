using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Forward;
using Cuvee.Inference.Sampling;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// The Llama forward pass on token ids: fp32, all threads of one team, each thread computing whole chunks of sequences by itself; where
/// there is one chunk only, or a common prefix, the threads share its matrix products. A record's log-probabilities have the same bits
/// whatever it is batched with and for any number of threads. Buffers grow and are reused. One call at a time: not thread-safe.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    private readonly PackedLlamaWeights packed;
    private readonly RotaryTable rotary;
    private readonly EngineWorker[] workers;
    private readonly KvCache prefix = new();

    /// <param name="threads">Threads that work on a call, the caller's included; null means one per processor.</param>
    public LlamaEngine(LlamaConfig config, int? threads = null)
    {
        Config = config;
        Team = new ThreadTeam(threads ?? 0);
        packed = new PackedLlamaWeights(config);
        rotary = new RotaryTable(config.HeadDim, config.RopeTheta, config.RopeScaling);
        workers = [.. Enumerable.Range(0, Team.Threads).Select(_ => new EngineWorker(config, packed, rotary))];
    }

    public LlamaConfig Config { get; }

    /// <summary>Free for other work between calls.</summary>
    public ThreadTeam Team { get; }

    /// <summary>What the next call computes with; null before the first <see cref="SetWeights"/>.</summary>
    public LlamaWeights? Weights => packed.Source;

    /// <summary>
    /// Packs the linear weights (a copy, in memory that is reused). Norms and embeddings are read from
    /// <paramref name="weights"/> at each call.
    /// </summary>
    public void SetWeights(LlamaWeights weights) => packed.Pack(weights, Team);

    /// <summary>Log-probability in nats of each scored token, record by record in the order of the input.</summary>
    /// <exception cref="ArgumentException">A record that cannot be scored; the message names it.</exception>
    public IReadOnlyList<float[]> ScoreTokens(IReadOnlyList<TokenizedRecord> records, CancellationToken cancellationToken = default)
    {
        foreach (var record in records) Check(record);
        var results = new float[records.Count][];
        if (records.Count == 0) return results;
        var plan = ScoringPlan.Create(records, Team.Threads);
        rotary.Reserve(records.Max(record => record.Tokens.Length));
        var past = plan.PrefixLength > 0 ? RunPrefix(records[0].Tokens[..plan.PrefixLength]) : null;
        if (plan.Chunks.Count == 1)
        {
            WithHelp(worker => worker.Score(records, plan.Chunks[0], past, results));
            return results;
        }

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

    /// <summary>
    /// Continues each prompt until an end-of-sequence id, <paramref name="stopAfter"/>, the token limit or the end of the context.
    /// </summary>
    /// <param name="options">
    /// Stop texts are not looked at: this method knows no text. Each prompt draws from a random stream of its own, named by its tokens.
    /// </param>
    /// <param name="stopAfter">
    /// Called after each token with the prompt's position and its tokens so far (this token last; the list is reused); true ends the
    /// prompt. Called on several threads, in order for any one prompt. Null for none.
    /// </param>
    /// <exception cref="ArgumentException">A prompt without tokens or room, or an option out of range; the message names it.</exception>
    public IReadOnlyList<GeneratedTokens> GenerateTokens(
        IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options, Func<int, IReadOnlyList<int>, bool>? stopAfter = null,
        CancellationToken cancellationToken = default)
    {
        TokenSampler.Check(options);
        foreach (var prompt in prompts) Check(prompt);
        var results = new GeneratedTokens[prompts.Count];
        if (options.MaxTokens == 0) Array.Fill(results, new GeneratedTokens([], StopReason.MaxTokens));
        if (prompts.Count == 0 || options.MaxTokens == 0) return results;
        rotary.Reserve(Math.Min(Config.MaxPositionEmbeddings, prompts.Max(prompt => prompt.Tokens.Length) + options.MaxTokens));
        var job = new GenerationJob(prompts, options, stopAfter, workers.Length);
        Team.Run(workers.Length, worker => workers[worker].Generate(job, results, cancellationToken));
        return results;
    }

    public void Dispose() => Team.Dispose();

    private KvCache RunPrefix(int[] tokens)
    {
        prefix.Reset(Config.NumHiddenLayers, Config.NumKeyValueHeads, Config.HeadDim, tokens.Length);
        WithHelp(worker => worker.Prefill(tokens, prefix));
        return prefix;
    }

    private void WithHelp(Action<EngineWorker> work)
    {
        workers[0].Helpers = Team;
        try
        {
            work(workers[0]);
        }
        finally
        {
            workers[0].Helpers = null;
        }
    }

    private void Check(TokenizedRecord record)
    {
        if (record.ScoredFrom < 1 || record.ScoredFrom >= record.Tokens.Length)
        {
            throw new ArgumentException(
                $"Record '{record.Id}' scores from token {record.ScoredFrom} of {record.Tokens.Length}; " +
                "give it at least one token before and one after.");
        }

        if (record.Tokens.Length > Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"Record '{record.Id}' has {record.Tokens.Length} tokens, " +
                $"more than the model's context of {Config.MaxPositionEmbeddings}; shorten it.");
        }

        CheckVocabulary("Record", record.Id, record.Tokens);
    }

    private void Check(TokenizedPrompt prompt)
    {
        if (prompt.Tokens.Length == 0) throw new ArgumentException($"Prompt '{prompt.Id}' has no token; give it text.");
        if (prompt.Tokens.Length >= Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"Prompt '{prompt.Id}' has {prompt.Tokens.Length} tokens, which leaves no room in the model's context of " +
                $"{Config.MaxPositionEmbeddings}; shorten it.");
        }

        CheckVocabulary("Prompt", prompt.Id, prompt.Tokens);
    }

    private void CheckVocabulary(string kind, string id, int[] tokens)
    {
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)Config.VocabSize)
                throw new ArgumentException($"{kind} '{id}' holds token {token}, outside the model's vocabulary of {Config.VocabSize}.");
        }
    }
}
