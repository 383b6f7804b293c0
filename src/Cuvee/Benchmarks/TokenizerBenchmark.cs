using System.Text;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Benchmarks;

/// <summary>Times encoding of given documents on one thread, each with the special tokens of its own.</summary>
public static class TokenizerBenchmark
{
    /// <param name="load">Makes the tokenizer anew, with nothing remembered of earlier texts.</param>
    /// <param name="repetitions">Passes timed after the first one.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two passes.</exception>
    public static TokenizerBenchmarkResult Run(
        Func<Tokenizer> load, IReadOnlyList<string> documents, int repetitions, TimeProvider time, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var tokenizer = load();
        var loading = time.GetElapsedTime(began).TotalMilliseconds;
        var bytes = documents.Sum(document => (long)Encoding.UTF8.GetByteCount(document));
        var tokens = 0L;
        double Pass()
        {
            cancellationToken.ThrowIfCancellationRequested();
            var start = time.GetTimestamp();
            tokens = documents.Sum(document => (long)tokenizer.Encode(document, addSpecialTokens: true).Count);
            return bytes * 1e-6 / time.GetElapsedTime(start).TotalSeconds;
        }

        var first = Pass();
        List<double> later = [.. Enumerable.Range(0, repetitions).Select(_ => Pass()).Order()];
        return new TokenizerBenchmarkResult(bytes, tokens, loading, first, later[later.Count / 2]);
    }
}

/// <param name="Bytes">UTF-8 bytes of all documents.</param>
/// <param name="Tokens">Special tokens included.</param>
/// <param name="LoadMilliseconds">Reading the vocabulary.</param>
/// <param name="FirstMegabytesPerSecond">10^6 bytes per second when nothing is remembered and the machine code is not ready.</param>
/// <param name="MegabytesPerSecond">Median of the passes after it.</param>
public sealed record TokenizerBenchmarkResult(
    long Bytes, long Tokens, double LoadMilliseconds, double FirstMegabytesPerSecond, double MegabytesPerSecond);
