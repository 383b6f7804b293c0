using Cuvee.Inference;
using Cuvee.Numerics;

namespace Cuvee.Benchmarks;

/// <summary>
/// Times the two ways in which the engine uses a model: a long prompt read at once (prefill), and single tokens of several sequences
/// (decode). Random tokens; what they say does not matter to the time.
/// </summary>
public static class InferenceBenchmark
{
    /// <param name="weights">As stored.</param>
    /// <param name="promptTokens">Of the prefill; within the context, at least 2.</param>
    /// <param name="generatedTokens">Timed per sequence; at least 1.</param>
    /// <param name="sequences">Decoded at the same time.</param>
    /// <param name="threads">Null means one per processor.</param>
    /// <exception cref="ArgumentException">More tokens than the model's context.</exception>
    public static InferenceBenchmarkResult Run(
        LlamaWeights weights, int promptTokens, int generatedTokens, int sequences, int repetitions, int? threads, TimeProvider time,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(time);
        // No token ends a sequence.
        using var engine = new LlamaEngine(weights.Config with { EosTokenIds = [] }, threads);
        var random = new SeededRandom(1);
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(weights.Config.VocabSize))];
        TokenizedRecord[] prompt = [new("prompt", Tokens(promptTokens + 1), promptTokens)];
        TokenizedPrompt[] starts = [.. Enumerable.Range(0, sequences).Select(i => new TokenizedPrompt($"{i}", Tokens(8)))];
        List<double> prefill = [], decode = [];
        for (var i = 0; i <= repetitions; i++)
        {
            var begin = time.GetTimestamp();
            engine.ScoreTokens(weights, null, prompt, cancellationToken);
            var read = time.GetElapsedTime(begin);
            var (first, last) = (0L, 0L);
            // A sequence's first token comes from its prompt; the others are timed.
            engine.GenerateTokens(weights, starts, new GenerationOptions { MaxTokens = generatedTokens + 1 }, (index, tokens) =>
            {
                if (index != sequences - 1) return false;
                if (tokens.Count == 1) first = time.GetTimestamp();
                last = time.GetTimestamp();
                return false;
            }, cancellationToken);
            if (i == 0) continue; // warm-up: first use of buffers, of the machine code and of the file
            prefill.Add(promptTokens / read.TotalSeconds);
            decode.Add(generatedTokens * (double)sequences / time.GetElapsedTime(first, last).TotalSeconds);
        }

        return new InferenceBenchmarkResult(
            Quantiles.Median(prefill), Quantiles.Median(decode), promptTokens, generatedTokens, sequences, engine.Team.Threads,
            $"{weights.Layers[0].Linears[0].Format}");
    }
}

/// <param name="PrefillTokensPerSecond">Median, logits of the last position included.</param>
/// <param name="DecodeTokensPerSecond">Median over all sequences together.</param>
/// <param name="Format">Of the stored weights.</param>
public sealed record InferenceBenchmarkResult(
    double PrefillTokensPerSecond, double DecodeTokensPerSecond, int PromptTokens, int GeneratedTokens, int Sequences, int Threads,
        string Format);
