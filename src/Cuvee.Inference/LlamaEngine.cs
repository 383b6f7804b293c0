using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Forward;
using Cuvee.Inference.Sampling;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// The decoder on token ids, in fp32 on all threads of one team. A sample goes through one layer after the other, whose weights are formed
/// from the stored base and the candidate's update when their turn comes; a continuation reads stored weights where they lie. A record's
/// log-probabilities have the same bits whatever it is batched with and for any number of threads. Buffers grow and are reused. One call at
/// a time: not thread-safe.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    private readonly RotaryTable rotary;
    private readonly SamplePass pass;
    private readonly Decoder decoder;
    private readonly CandidateCopy copy, center;
    private readonly List<KvCache> caches = []; // of one layer, per sequence of a slice; the first is the prefix's
    private readonly long sliceBytes;

    /// <param name="threads">Threads that work on a call, the caller's included; null means one per processor.</param>
    public LlamaEngine(LlamaConfig config, int? threads = null)
        : this(config, threads, ScoringPlan.SliceBytes)
    {
    }

    /// <param name="sliceBytes">Activations held at a time; never shows in the results.</param>
    internal LlamaEngine(LlamaConfig config, int? threads, long sliceBytes)
    {
        Config = config;
        this.sliceBytes = sliceBytes;
        Team = new ThreadTeam(threads ?? 0);
        rotary = new RotaryTable(config.HeadDim, config.RopeTheta, config.RopeScaling);
        pass = new SamplePass(config, rotary, Team);
        decoder = new Decoder(config, rotary, pass, Team);
        copy = new CandidateCopy(config, Team);
        center = new CandidateCopy(config, Team);
    }

    public LlamaConfig Config { get; }

    /// <summary>Free for other work between calls.</summary>
    public ThreadTeam Team { get; }

    /// <summary>Log-probability in nats of each scored token, record by record in the order of the input.</summary>
    /// <param name="weights">The base, as stored.</param>
    /// <param name="update">The candidate; null for the base itself.</param>
    /// <exception cref="ArgumentException">A record that cannot be scored; the message names it.</exception>
    public IReadOnlyList<float[]> ScoreTokens(
        LlamaWeights weights, ILinearUpdate? update, IReadOnlyList<TokenizedRecord> records, CancellationToken cancellationToken = default)
    {
        foreach (var record in records) Check(record);
        var results = new float[records.Count][];
        if (records.Count == 0) return results;
        rotary.Reserve(records.Max(record => record.Tokens.Length));
        var prefixLength = ScoringPlan.CommonPrefix(records);
        foreach (var slice in ScoringPlan.Slices(Config, records, prefixLength, sliceBytes))
            ScoreSlice(weights, update, records, slice, prefixLength, results, cancellationToken);
        return results;
    }

    /// <summary>
    /// The weights with a candidate's update folded in, for continuing prompts: a copy of what it adapts, in memory that the next call
    /// reuses (fp32 for small models, bf16 from <see cref="CandidateCopy.LargestFp32"/> on).
    /// </summary>
    public LlamaWeights Fold(LlamaWeights weights, ILinearUpdate update) => copy.Form(weights, update);

    /// <summary>The same beside <see cref="Fold"/>'s, for candidates that differ little from this one: their update starts from
    /// here.</summary>
    /// <exception cref="InvalidOperationException">The copy would not be fp32 (<see cref="HoldsCenter"/>).</exception>
    public LlamaWeights FoldCenter(LlamaWeights weights, ILinearUpdate update) => HoldsCenter(Config)
        ? center.Form(weights, update)
        : throw new InvalidOperationException("The model is too large for a centre in fp32.");

    /// <summary>Whether a folded copy is exact: fp32, at most <see cref="CandidateCopy.LargestFp32"/>.</summary>
    public static bool HoldsCenter(LlamaConfig config) => CandidateCopy.FormatOf(config) == StorageFormat.F32;

    /// <summary>Gives the copy's memory back; folded weights must not be used any more.</summary>
    public void FreeFolded() => copy.Free();

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
        LlamaWeights weights, IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options,
        Func<int, IReadOnlyList<int>, bool>? stopAfter = null, CancellationToken cancellationToken = default)
    {
        TokenSampler.Check(options);
        foreach (var prompt in prompts) Check(prompt);
        var results = new GeneratedTokens[prompts.Count];
        if (options.MaxTokens == 0) Array.Fill(results, new GeneratedTokens([], StopReason.MaxTokens));
        if (prompts.Count == 0 || options.MaxTokens == 0) return results;
        rotary.Reserve((int)Math.Min(Config.MaxPositionEmbeddings, prompts.Max(prompt => prompt.Tokens.Length) + (long)options.MaxTokens));
        decoder.Run(weights, prompts, options, stopAfter, results, cancellationToken);
        return results;
    }

    public void Dispose() => Team.Dispose();

    private void ScoreSlice(
        LlamaWeights weights, ILinearUpdate? update, IReadOnlyList<TokenizedRecord> records, Range slice, int prefixLength,
            float[][] results,
        CancellationToken cancellationToken)
    {
        var (offset, count) = slice.GetOffsetAndLength(records.Count);
        var sequences = new List<SequenceRows>(count + 1);
        var row = 0L;
        KvCache? prefix = null;
        void Add(int[] tokens, int firstPosition, int length, int firstOutput)
        {
            if (caches.Count == sequences.Count) caches.Add(new KvCache());
            var cache = caches[sequences.Count];
            cache.Reset(1, Config.NumKeyValueHeads, Config.HeadDim, length);
            sequences.Add(new SequenceRows(tokens, firstPosition, length, row, firstOutput, cache, prefix));
            row += length;
        }

        if (prefixLength > 0)
        {
            Add(records[offset].Tokens, 0, prefixLength, prefixLength);
            prefix = caches[0];
        }

        for (var i = offset; i < offset + count; i++)
        {
            var record = records[i];
            Add(record.Tokens, prefixLength, record.Tokens.Length - 1 - prefixLength, record.ScoredFrom - 1 - prefixLength);
        }

        var targets = new List<int>();
        for (var i = offset; i < offset + count; i++) targets.AddRange(records[i].Tokens.AsSpan(records[i].ScoredFrom));
        pass.Run(weights, update, sequences, [.. targets], cancellationToken);
        for (int i = offset, output = 0; i < offset + count; i++)
        {
            results[i] = new float[records[i].ScoredTokens];
            for (var j = 0; j < results[i].Length; j++) results[i][j] = pass.LogProbability(output++);
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
