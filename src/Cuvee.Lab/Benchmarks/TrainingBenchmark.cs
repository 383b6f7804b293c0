using Cuvee.Formats.HuggingFace;
using Cuvee.Lab.Zoo;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Benchmarks;

/// <summary>Times training steps of the zoo's base shape on random tokens and counts their floating-point work.</summary>
internal static class TrainingBenchmark
{
    /// <param name="Milliseconds">Median of a step, optimizer included.</param>
    /// <param name="Gflop">
    /// Linear layers, causal half of attention and logits at scored positions: forward 2, backward 4 operations per multiply-add pair.
    /// </param>
    internal sealed record Result(double Milliseconds, double Gflop, double Gflops, int Tokens);

    public static Result Run(int sequences, int length, int steps, TimeProvider time)
    {
        var config = new BasePlan().ToConfig();
        var random = new SeededRandom(1);
        var batch = Enumerable.Range(0, sequences)
            .Select(_ => new TrainingExample([.. Enumerable.Range(0, length + 1).Select(_ => random.NextInt32(config.VocabSize))], 1))
            .ToArray();
        var elapsed = new List<TimeSpan>();
        var settings = new TrainingSettings { Steps = steps, LearningRate = 1e-3, CheckpointEvery = 0 };
        Trainer.Full(BaseWeights.Draw(config, random), settings, time)
            .Run(new FixedBatch(batch), null, "benchmark", new Sink(p => elapsed.Add(p.Elapsed)), CancellationToken.None);
        var times = elapsed.Zip(elapsed.Skip(1), (a, b) => (b - a).TotalMilliseconds).Order().ToArray();
        var median = times[times.Length / 2];
        var gflop = Work(config, sequences, length) / 1e9;
        return new Result(median, gflop, gflop / median * 1e3, sequences * length);
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

    private sealed class Sink(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
