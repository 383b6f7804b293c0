using System.Text;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Benchmarks;

/// <summary>Times the encoding of documents on one thread.</summary>
public static class TokenizerBenchmark
{
    /// <param name="load">Makes the tokenizer anew, with nothing remembered of earlier texts.</param>
    /// <param name="repetitions">Passes timed after the first one.</param>
    /// <param name="processorTime">Of this process: a busy machine blurs it less than the time on the wall.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two passes.</exception>
    public static TokenizerBenchmarkResult Run(
        Func<Tokenizer> load,
        IReadOnlyList<string> documents,
        int repetitions,
        Func<TimeSpan> processorTime,
        CancellationToken cancellationToken)
    {
        var began = processorTime();
        var tokenizer = load();
        var loading = (processorTime() - began).TotalMilliseconds;
        var bytes = documents.Sum(document => (long)Encoding.UTF8.GetByteCount(document));
        var tokens = 0L;
        double Pass()
        {
            cancellationToken.ThrowIfCancellationRequested();
            var start = processorTime();
            tokens = documents.Sum(document => (long)tokenizer.Encode(document, addSpecialTokens: true).Count);
            return bytes * 1e-6 / (processorTime() - start).TotalSeconds;
        }

        var first = Pass();
        List<double> later = [.. Enumerable.Range(0, repetitions).Select(_ => Pass()).Order()];
        return new TokenizerBenchmarkResult(bytes, tokens, loading, first, later[later.Count / 2]);
    }
}

/// <param name="Bytes">UTF-8 bytes of all documents.</param>
/// <param name="Tokens">Special tokens included.</param>
/// <param name="LoadMilliseconds">Reading the vocabulary.</param>
/// <param name="FirstMegabytesPerSecond">
/// 10^6 bytes per second of processor time when nothing is remembered and the machine code is not ready.
/// </param>
/// <param name="MegabytesPerSecond">Median of the passes after it.</param>
public sealed record TokenizerBenchmarkResult(
    long Bytes, long Tokens, double LoadMilliseconds, double FirstMegabytesPerSecond, double MegabytesPerSecond);
