using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Sampling;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Continues prompts: groups of them go through the layers together, then all active sequences advance by one token at a time; finished
/// ones leave and waiting ones take their places. A completion depends on its own prompt and the options only.
/// </summary>
internal sealed class Decoder(LlamaConfig config, RotaryTable rotary, SamplePass pass, ThreadTeam team)
{
    private const int MaxActive = 32;

    private const int AdmittedRows = 4096; // prompt tokens of a group

    public const long CacheBytes = 512L << 20; // keys and values of all active sequences

    private readonly TokenStep step = new(config, rotary, team);
    private readonly FloatBuffer logits = new(); // [active, vocab]

    public void Run(
        LlamaWeights weights, IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options,
        Func<int, IReadOnlyList<int>, bool>? stopAfter, GeneratedTokens[] results, CancellationToken cancellationToken)
    {
        var caches = new Stack<KvCache>(); // of sequences that have left
        using var samplers = new ThreadLocal<TokenSampler>(() => new TokenSampler(options, config.VocabSize));
        var waiting = new Queue<int>(Enumerable.Range(0, prompts.Count));
        var active = new List<DecodingSequence>();
        var room = Room(weights.Layers.Count, prompts, options);
        logits.Reserve((long)room * config.VocabSize);
        try
        {
            while (active.Count > 0 || waiting.Count > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                List<DecodingSequence> advanced;
                ReadOnlySpan<float> states;
                // A group's prompts share the packing of every weight, so they wait for several places.
                if (waiting.Count > 0 && room - active.Count >= Math.Max(1, Math.Min(room / 2, active.Count)))
                {
                    advanced = Admit(weights.Layers.Count, waiting, room - active.Count, prompts, options, caches);
                    active.AddRange(advanced);
                    states = Prefill(weights, advanced, cancellationToken);
                }
                else
                {
                    advanced = active;
                    int[] tokens = [.. active.Select(sequence => sequence.Generated[^1])];
                    states = step.Run(weights, tokens, [.. active.Select(sequence => sequence.Cache)]);
                }

                step.Logits(advanced.Count, states, weights.LmHead, logits);
                team.Run(advanced.Count, i => Advance(
                    advanced[i], logits.Slice((long)i * config.VocabSize, config.VocabSize), samplers.Value!, options, stopAfter));
                foreach (var sequence in active.Where(sequence => sequence.StopReason is not null))
                {
                    results[sequence.Index] = new GeneratedTokens(sequence.Generated, sequence.StopReason!.Value);
                    caches.Push(sequence.Cache);
                }

                active.RemoveAll(sequence => sequence.StopReason is not null);
            }
        }
        finally
        {
            foreach (var cache in active.Select(sequence => sequence.Cache).Concat(caches)) cache.Free();
        }
    }

    /// <summary>Sequences whose keys and values fit into <see cref="CacheBytes"/>, at least one.</summary>
    private int Room(int layers, IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options)
    {
        var longest = prompts.Max(prompt => Longest(prompt.Tokens, options));
        var each = KvCache.Bytes(layers, config.NumKeyValueHeads, config.HeadDim, longest);
        return (int)Math.Clamp(CacheBytes / each, 1, Math.Min(MaxActive, prompts.Count));
    }

    private int Longest(int[] prompt, GenerationOptions options) =>
        (int)Math.Min(config.MaxPositionEmbeddings, prompt.Length + (long)options.MaxTokens);

    private List<DecodingSequence> Admit(
        int layers, Queue<int> waiting, int places, IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options,
        Stack<KvCache> caches)
    {
        var admitted = new List<DecodingSequence>();
        for (var rows = 0; admitted.Count < places && rows < AdmittedRows && waiting.TryDequeue(out var index);)
        {
            var prompt = prompts[index].Tokens;
            var longest = Longest(prompt, options);
            var cache = caches.TryPop(out var idle) ? idle : new KvCache();
            cache.Reset(layers, config.NumKeyValueHeads, config.HeadDim, longest);
            var seen = options.RepetitionPenalty == 1 ? [] : new bool[config.VocabSize];
            if (seen.Length > 0)
                foreach (var token in prompt) seen[token] = true;
            var random = SeededRandom.Derive(options.Seed, string.Join(' ', prompt));
            admitted.Add(new DecodingSequence(index, prompt, cache, random, seen));
            rows += prompt.Length;
        }

        return admitted;
    }

    private ReadOnlySpan<float> Prefill(LlamaWeights weights, List<DecodingSequence> admitted, CancellationToken cancellationToken)
    {
        var rows = new List<SequenceRows>(admitted.Count);
        var first = 0L;
        foreach (var sequence in admitted)
        {
            var length = sequence.Prompt.Length;
            rows.Add(new SequenceRows(sequence.Prompt, 0, length, first, length - 1, sequence.Cache, null));
            first += length;
        }

        return pass.Run(weights, null, rows, [], cancellationToken);
    }

    private void Advance(
        DecodingSequence sequence, Span<float> row, TokenSampler sampler, GenerationOptions options,
        Func<int, IReadOnlyList<int>, bool>? stopAfter)
    {
        var token = sampler.Next(row, sequence.Seen, sequence.Random);
        sequence.Generated.Add(token);
        if (sequence.Seen.Length > 0) sequence.Seen[token] = true;
        sequence.StopReason = config.EosTokenIds.Contains(token) ? StopReason.EndOfSequence
            : stopAfter?.Invoke(sequence.Index, sequence.Generated) == true ? StopReason.StopText
            : sequence.Generated.Count == options.MaxTokens ? StopReason.MaxTokens
            : sequence.Prompt.Length + sequence.Generated.Count == config.MaxPositionEmbeddings ? StopReason.ContextLength
            : null;
    }
}
