using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Sampling;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// Continues prompts on the calling thread: all active sequences advance together, one row each; finished ones leave and waiting ones take
/// their place. A completion depends on its own prompt and the options only.
/// </summary>
internal sealed class BatchedDecoder(LlamaConfig config, LlamaForward forward, LogitHead head, TokenBatch batch)
{
    private const int MaxActive = 24; // two tall tiles of the matrix product

    private readonly List<DecodingSequence> active = [];
    private readonly Stack<KvCache> idleCaches = [];
    private readonly FloatBuffer logits = new(); // [MaxActive, vocab]
    private readonly int[] nextToken = new int[1];

    public void Run(GenerationJob job, GeneratedTokens[] results, CancellationToken cancellationToken)
    {
        foreach (var sequence in active) idleCaches.Push(sequence.Cache); // of a call that was cancelled
        active.Clear();
        var sampler = new TokenSampler(job.Options, config.VocabSize);
        var capacity = Math.Min(MaxActive, (job.Prompts.Count + job.Workers - 1) / job.Workers); // an even share for every thread
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            batch.Clear();
            var advanced = Admit(job, capacity);
            if (advanced == 0) advanced = AddLastTokens();
            if (advanced == 0) return;
            var states = forward.Run(batch);
            var rows = logits.Reserve(MaxActive * config.VocabSize).Span;
            head.Logits(advanced, states, rows);
            for (var i = 0; i < advanced; i++)
                Advance(active[active.Count - advanced + i], rows.Slice(i * config.VocabSize, config.VocabSize), sampler, job);
            Retire(results);
        }
    }

    /// <summary>Adds whole prompts to the batch while there is room; returns how many.</summary>
    private int Admit(GenerationJob job, int capacity)
    {
        var admitted = 0;
        while (active.Count < capacity && batch.Rows < ScoringPlan.ChunkRows && job.TryTake(out var index))
        {
            var prompt = job.Prompts[index].Tokens;
            var cache = idleCaches.TryPop(out var idle) ? idle : new KvCache();
            var longest = Math.Min(config.MaxPositionEmbeddings, prompt.Length + job.Options.MaxTokens);
            cache.Reset(config.NumHiddenLayers, config.NumKeyValueHeads, config.HeadDim, longest);
            var seen = job.Options.RepetitionPenalty == 1 ? [] : new bool[config.VocabSize];
            if (seen.Length > 0)
                foreach (var token in prompt) seen[token] = true;
            var random = SeededRandom.Derive(job.Options.Seed, string.Join(' ', prompt));
            active.Add(new DecodingSequence(index, prompt, cache, random, seen, longest - prompt.Length));
            batch.Add(prompt, prompt.Length - 1, past: null, cache);
            admitted++;
        }

        return admitted;
    }

    private int AddLastTokens()
    {
        foreach (var sequence in active)
        {
            nextToken[0] = sequence.Generated[^1];
            batch.Add(nextToken, firstOutput: 0, past: null, sequence.Cache);
        }

        return active.Count;
    }

    private void Advance(DecodingSequence sequence, Span<float> row, TokenSampler sampler, GenerationJob job)
    {
        var token = sampler.Next(row, sequence.Seen, sequence.Random);
        sequence.Generated.Add(token);
        if (sequence.Seen.Length > 0) sequence.Seen[token] = true;
        sequence.StopReason = config.EosTokenIds.Contains(token) ? StopReason.EndOfSequence
            : job.StopAfter?.Invoke(sequence.Index, sequence.Generated) == true ? StopReason.StopText
            : sequence.Generated.Count == job.Options.MaxTokens ? StopReason.MaxTokens
            : sequence.Prompt.Length + sequence.Generated.Count == config.MaxPositionEmbeddings ? StopReason.ContextLength
            : null;
    }

    private void Retire(GeneratedTokens[] results)
    {
        var kept = 0;
        for (var i = 0; i < active.Count; i++)
        {
            var sequence = active[i];
            if (sequence.StopReason is { } reason)
            {
                results[sequence.Index] = new GeneratedTokens(sequence.Generated, reason);
                idleCaches.Push(sequence.Cache);
            }
            else
            {
                active[kept++] = sequence;
            }
        }

        active.RemoveRange(kept, active.Count - kept);
    }
}
