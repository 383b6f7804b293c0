using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// The training loop: same inputs, same bytes, for any number of threads and also after a cut and resume.
/// </summary>
public sealed class Trainer
{
    private const int EvaluatedAtOnce = 16; // examples

    private readonly TrainingSettings settings;
    private readonly ITrainingTarget target;
    private readonly TrainingPass pass;
    private readonly AdamW optimizer;
    private readonly TimeProvider time;

    private Trainer(DenseWeights weights, ITrainingTarget target, TrainingSettings settings, SharedWork work, TimeProvider time)
    {
        this.settings = settings;
        this.target = target;
        this.time = time;
        pass = new TrainingPass(weights.Config, work);
        optimizer = new AdamW(settings, target.Parameters, work.Team);
    }

    /// <summary>Trains every array of <paramref name="weights"/> in place.</summary>
    /// <param name="team">Shares the work; not disposed here.</param>
    public static Trainer Full(DenseWeights weights, TrainingSettings settings, ThreadTeam team, TimeProvider time)
    {
        var work = new SharedWork(team);
        return new(weights, new FullTarget(weights, work), settings, work, time);
    }

    /// <summary>Trains <paramref name="factors"/> in place on frozen <paramref name="weights"/>.</summary>
    /// <param name="team">Shares the work; not disposed here.</param>
    public static Trainer Lora(
        DenseWeights weights, LoraParameters factors, TrainingSettings settings, ThreadTeam team, TimeProvider time)
    {
        var work = new SharedWork(team);
        return new(weights, new LoraTarget(weights, factors, work), settings, work, time);
    }

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
        var loss = examples.Chunk(EvaluatedAtOnce).Sum(chunk => pass.Run(weights, chunk, 1, null));
        return loss / examples.Sum(ScoredTokens);
    }

    internal (double Loss, double GradientNorm) Step(int step, IReadOnlyList<TrainingExample> batch)
    {
        var weights = target.Effective();
        var scored = batch.Sum(ScoredTokens);
        var loss = pass.Run(weights, batch, 1f / scored, target.Sink) / scored;
        if (!double.IsFinite(loss))
            throw new InvalidOperationException($"Training diverged: the loss of step {step} is {loss}; lower the learning rate.");
        return (loss, optimizer.Step(step));
    }

    private static int ScoredTokens(TrainingExample example) => example.Tokens.Length - example.ScoredFrom;
}
