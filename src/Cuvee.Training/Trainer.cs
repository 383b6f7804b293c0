
namespace Cuvee.Training;

/// <summary>
/// The training loop. A batch is cut into a fixed number of shards whatever the machine has, one thread each: same inputs, same bytes,
/// also after a cut and resume.
/// </summary>
public sealed class Trainer
{
    private const int Shards = 2;

    private readonly TrainingSettings settings;
    private readonly ITrainingTarget target;
    private readonly TrainingPass[] passes;
    private readonly AdamW optimizer;
    private readonly TimeProvider time;

    private Trainer(DenseWeights weights, ITrainingTarget target, TrainingSettings settings, TimeProvider time)
    {
        this.settings = settings;
        this.target = target;
        this.time = time;
        passes = [.. Enumerable.Range(0, Shards).Select(_ => new TrainingPass(weights.Config))];
        optimizer = new AdamW(settings, target.Parameters);
    }

    /// <summary>Trains every array of <paramref name="weights"/> in place.</summary>
    public static Trainer Full(DenseWeights weights, TrainingSettings settings, TimeProvider time) =>
        new(weights, new FullTarget(weights, Shards), settings, time);

    /// <summary>Trains <paramref name="factors"/> in place on frozen <paramref name="weights"/>.</summary>
    public static Trainer Lora(DenseWeights weights, LoraParameters factors, TrainingSettings settings, TimeProvider time) =>
        new(weights, new LoraTarget(weights, factors, Shards), settings, time);

    /// <param name="checkpointPath">Resumed from when it exists and carries <paramref name="fingerprint"/>; null: no checkpoints.</param>
    /// <param name="fingerprint">Names settings, data and base; a checkpoint of anything else is not used.</param>
    public void Run(
        IBatchSource batches, string? checkpointPath, string fingerprint, IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var first = checkpointPath is null ? 0 : TrainingCheckpoint.TryRestore(checkpointPath, fingerprint, target.Parameters, optimizer);
        for (var step = first; step < settings.Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batch = batches.Batch(step);
            var (loss, norm) = Step(step, batch);
            progress?.Report(new TrainingProgress(
                step + 1, settings.Steps, loss, norm, settings.LearningRateAt(step), batch.Sum(e => e.Tokens.Length),
                time.GetElapsedTime(start)));
            var due = settings.CheckpointEvery > 0 && ((step + 1) % settings.CheckpointEvery == 0 || step + 1 == settings.Steps);
            if (checkpointPath is not null && due)
                TrainingCheckpoint.Write(checkpointPath, step + 1, fingerprint, target.Parameters, optimizer);
        }
    }

    /// <summary>Mean negative log-likelihood per scored token of <paramref name="examples"/> under the current parameters, nats.</summary>
    public double Evaluate(IReadOnlyList<TrainingExample> examples)
    {
        var weights = target.Effective();
        var losses = new double[(examples.Count + 15) / 16];
        Parallel.For(0, Shards, shard =>
        {
            for (var i = shard; i < losses.Length; i += Shards)
                losses[i] = passes[shard].Run(weights, [.. examples.Skip(i * 16).Take(16)], 1, null);
        });
        return losses.Sum() / examples.Sum(ScoredTokens);
    }

    internal (double Loss, double GradientNorm) Step(int step, IReadOnlyList<TrainingExample> batch)
    {
        var weights = target.Effective();
        var shards = Split(batch);
        var scored = batch.Sum(ScoredTokens);
        var losses = new double[Shards];
        Parallel.For(0, Shards, shard => losses[shard] = passes[shard].Run(weights, shards[shard], 1f / scored, target.Sinks[shard]));
        var loss = losses.Sum() / scored;
        if (!double.IsFinite(loss))
            throw new InvalidOperationException($"Training diverged: the loss of step {step} is {loss}; lower the learning rate.");
        return (loss, optimizer.Step(step));
    }

    private static int ScoredTokens(TrainingExample example) => example.Tokens.Length - example.ScoredFrom;

    /// <summary>Longest first, each to the lighter shard.</summary>
    private static List<TrainingExample>[] Split(IReadOnlyList<TrainingExample> batch)
    {
        var shards = Enumerable.Range(0, Shards).Select(_ => new List<TrainingExample>()).ToArray();
        var load = new int[Shards];
        foreach (var example in batch.OrderByDescending(e => e.Tokens.Length))
        {
            var lightest = Array.IndexOf(load, load.Min());
            shards[lightest].Add(example);
            load[lightest] += example.Tokens.Length;
        }

        return shards;
    }
}
