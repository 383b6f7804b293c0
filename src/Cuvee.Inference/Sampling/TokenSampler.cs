using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Sampling;

/// <summary>
/// Chooses the next token from logits, in Hugging Face's order: repetition penalty, temperature, top-k, top-p, draw. Equal logits rank by
/// token id, the lowest first. Keeps scratch: one per thread.
/// </summary>
public sealed class TokenSampler
{
    private readonly GenerationOptions options;
    private readonly PriorityQueue<int, (float, int)> queue; // tokens by falling logit, then by rising id
    private readonly (int Token, (float, int) Rank)[] entries; // [vocab] what the queue starts from
    private readonly int[] ranked; // [vocab] token ids that may be drawn
    private readonly double[] cumulative; // [vocab] sums of their unnormalised probabilities

    /// <exception cref="ArgumentException">A setting out of range; the message names it.</exception>
    public TokenSampler(GenerationOptions options, int vocabSize)
    {
        Check(options);
        this.options = options;
        queue = new PriorityQueue<int, (float, int)>(vocabSize);
        entries = new (int, (float, int))[vocabSize];
        ranked = new int[vocabSize];
        cumulative = new double[vocabSize];
    }

    private bool IsGreedy => options.Temperature == 0;

    /// <exception cref="ArgumentException">A setting out of range; the message names it.</exception>
    public static void Check(GenerationOptions options)
    {
        void Require(bool holds, string name, object value, string range)
        {
            if (!holds) throw new ArgumentException($"{name} is {value}; it must be {range}.");
        }

        Require(options.MaxTokens >= 0, nameof(options.MaxTokens), options.MaxTokens, "0 or more");
        Require(options.Temperature is >= 0 and <= double.MaxValue, nameof(options.Temperature), options.Temperature, "0 (greedy) or more");
        Require(options.TopP is > 0 and <= 1, nameof(options.TopP), options.TopP, "above 0 and at most 1");
        Require(options.TopK >= 0, nameof(options.TopK), options.TopK, "0 (all tokens) or more");
        Require(
            options.RepetitionPenalty is > 0 and <= double.MaxValue, nameof(options.RepetitionPenalty), options.RepetitionPenalty,
            "above 0 (1 is off)");
        Require(options.Stop.All(text => text.Length > 0), nameof(options.Stop), "an empty text", "texts of at least one character");
    }

    /// <param name="logits">[vocab]; overwritten.</param>
    /// <param name="seen">
    /// [vocab], tokens of the prompt and of the completion so far; may be empty when the repetition penalty is off.
    /// </param>
    /// <param name="random">One draw per token, none when greedy.</param>
    public int Next(Span<float> logits, ReadOnlySpan<bool> seen, SeededRandom random)
    {
        if (options.RepetitionPenalty != 1) Penalise(logits, seen, (float)options.RepetitionPenalty);
        if (IsGreedy) return ArgMax(logits);
        var kept = Keep(logits);
        var draw = random.NextDouble() * cumulative[kept - 1];
        var index = Array.BinarySearch(cumulative, 0, kept, draw);
        index = index < 0 ? ~index : index + 1; // the first whose cumulative mass exceeds the draw
        return ranked[Math.Min(index, kept - 1)];
    }

    // arXiv 1909.05858, section 4.1, in the form that pushes negative logits down too.
    private static void Penalise(Span<float> logits, ReadOnlySpan<bool> seen, float penalty)
    {
        for (var token = 0; token < logits.Length; token++)
            if (seen[token]) logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var token = 1; token < logits.Length; token++)
            if (logits[token] > logits[best]) best = token;
        return best;
    }

    /// <summary>Fills <see cref="ranked"/> and <see cref="cumulative"/> with the tokens that may be drawn; returns how many.</summary>
    private int Keep(ReadOnlySpan<float> logits)
    {
        var max = logits[ArgMax(logits)];
        var limit = options.TopK > 0 ? Math.Min(options.TopK, logits.Length) : logits.Length;
        var popped = 0;
        double mass = 0; // of all that top-p chooses from
        if (limit == logits.Length && options.TopP == 1)
        {
            for (; popped < limit; popped++) ranked[popped] = popped;
        }
        else
        {
            FillQueue(logits);
            if (limit < logits.Length)
                for (; popped < limit; popped++) mass += Weight(logits[ranked[popped] = queue.Dequeue()], max);
            else
                foreach (var logit in logits) mass += Weight(logit, max);
        }

        var wanted = options.TopP == 1 ? double.PositiveInfinity : options.TopP * mass;
        double sum = 0;
        for (var i = 0; i < limit; i++)
        {
            if (i >= popped) ranked[i] = queue.Dequeue();
            cumulative[i] = sum += Weight(logits[ranked[i]], max);
            if (sum >= wanted) return i + 1;
        }

        return limit;
    }

    // Linear, so that a few tokens cost no full sort.
    private void FillQueue(ReadOnlySpan<float> logits)
    {
        for (var token = 0; token < logits.Length; token++) entries[token] = (token, (-logits[token], token));
        queue.Clear();
        queue.EnqueueRange(entries);
    }

    private double Weight(float logit, float max) => Math.Exp(((double)logit - max) / options.Temperature);
}
