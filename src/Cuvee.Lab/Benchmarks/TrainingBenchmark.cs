using System.Diagnostics;
using Cuvee.Formats.HuggingFace;
using Cuvee.Lab.Zoo;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Benchmarks;

/// <summary>
/// Times training steps of the zoo's base shape on random tokens and counts their floating-point work. OpenBLAS multiplies before and after
/// every step, where it is installed: only such pairs compare on a machine that others use too.
/// </summary>
internal static class TrainingBenchmark
{
    private const int M = 4096, N = 576, K = 192; // one of the products, all rows of 32 sequences
    private const int Repeats = 5; // of OpenBLAS between two steps
    private const int SettleMilliseconds = 60; // OpenBLAS's threads spin for about 30 after a product

    /// <param name="Milliseconds">Median of a step, optimizer included.</param>
    /// <param name="Gflop">
    /// Linear layers, causal half of attention and logits at scored positions: forward 2, backward 4 operations per multiply-add pair.
    /// </param>
    /// <param name="OpenblasGflops">Median of its products, with as many threads.</param>
    /// <param name="ShareOfOpenblas">Median over the steps: speed over the mean of OpenBLAS's before and after.</param>
    internal sealed record Result(
        int Threads, double Milliseconds, double Gflop, double Gflops, double TokensPerSecond, double? OpenblasGflops,
        double? ShareOfOpenblas);

    public static Result Run(int sequences, int length, int steps, int threads, TimeProvider time)
    {
        var config = new BasePlan().ToConfig();
        var random = new SeededRandom(1);
        var batch = Enumerable.Range(0, sequences)
            .Select(_ => new TrainingExample([.. Enumerable.Range(0, length + 1).Select(_ => random.NextInt32(config.VocabSize))], 1))
            .ToArray();
        using var team = new ThreadTeam(threads);
        var clock = new StepClock(OpenBlas.TryLoad(out var library) ? library : null, team.Threads);
        var settings = new TrainingSettings { Steps = steps + 1, LearningRate = 1e-3, CheckpointEvery = 0 };
        Trainer.Full(BaseWeights.Draw(config, random), settings, team, time)
            .Run(new FixedBatch(batch), null, "benchmark", clock, CancellationToken.None);
        var gflop = Work(config, sequences, length) / 1e9;
        var seconds = Quantiles.Median(clock.Steps);
        return new Result(
            team.Threads, seconds * 1e3, gflop, gflop / seconds, sequences * length / seconds,
            clock.Products.Count == 0 ? null : Quantiles.Median(clock.Products),
            clock.Products.Count == 0 ? null : Quantiles.Median(clock.Steps.Select((step, i) =>
                2 * gflop / step / (clock.Products[i] + clock.Products[i + 1]))));
    }

    private static double Work(LlamaConfig config, int sequences, int length)
    {
        var linear = config.NumHiddenLayers * config.LinearModules.Sum(l => (double)l.OutFeatures * l.InFeatures);
        var head = (double)config.VocabSize * config.HiddenSize;
        var attention = config.NumHiddenLayers * config.NumAttentionHeads * config.HeadDim * (double)length * (length + 1);
        return sequences * ((6 * (linear + head) * length) + (6 * attention));
    }

    private sealed class FixedBatch(IReadOnlyList<TrainingExample> batch) : IBatchSource
    {
        public IReadOnlyList<TrainingExample> Batch(int step) => batch;
    }

    /// <summary>Told of each step as it ends; the first warms up.</summary>
    private sealed class StepClock(OpenBlas? library, int threads) : IProgress<TrainingProgress>
    {
        private readonly float[] a = new float[M * K], b = new float[K * N], c = new float[M * N];
        private long start;

        /// <summary>Seconds.</summary>
        public List<double> Steps { get; } = [];

        /// <summary>OpenBLAS's GFLOP/s before the first step and after each.</summary>
        public List<double> Products { get; } = [];

        public void Report(TrainingProgress value)
        {
            if (value.Step > 1) Steps.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (library is not null) Products.Add(Measure(library));
            start = Stopwatch.GetTimestamp();
        }

        private double Measure(OpenBlas blas)
        {
            blas.Threads = threads;
            var seconds = new double[Repeats];
            for (var i = 0; i < Repeats; i++)
            {
                var begin = Stopwatch.GetTimestamp();
                blas.Multiply(M, N, K, a, K, false, b, N, false, c, N, false);
                seconds[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            }

            Thread.Sleep(SettleMilliseconds);
            return 2.0 * M * N * K / Quantiles.Median(seconds) / 1e9;
        }
    }
}
