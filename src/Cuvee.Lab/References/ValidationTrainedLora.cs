using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.References;

/// <summary>
/// What a user with gradients would do: a LoRA of all linear modules trained on the validation records that a search may only query. Each
/// learning rate of a grid is trained without a drawn fifth of the records and stopped when the loss on that fifth stops falling; then one
/// LoRA is trained on all records at the learning rate and for the epochs of the lowest such loss. The rate is constant after its warm-up,
/// so that the number of epochs means the same in both trainings.
/// </summary>
/// <param name="team">Shares the work; not disposed here.</param>
internal sealed class ValidationTrainedLora(
    EmbeddedModel model, IReadOnlyList<PromptCompletion> validation, ThreadTeam team, TimeProvider time)
{
    public const int Rank = 8;
    public const double LoraAlpha = 16;

    private const int BatchSize = 12;
    private const int WarmUpSteps = 5;
    private const int MostEpochs = 30;
    private const int Patience = 4; // epochs without a lower held-out loss

    private readonly DenseWeights baseWeights = DenseWeights.CopyOf(model.Weights);
    private readonly TrainingExample[] examples =
        new ExampleEncoder(model.Tokenizer, model.Weights.Config.EosTokenIds[0], model.Weights.Config.MaxPositionEmbeddings)
            .EncodeAll(validation);

    public static IReadOnlyList<double> LearningRates { get; } = [3e-4, 1e-3, 3e-3];

    /// <param name="seed">Draws the held-out fifth, the first factors and the order of the records.</param>
    /// <param name="report">Learning rate, epochs done and held-out loss (nats per token).</param>
    /// <exception cref="InvalidOperationException">Fewer than two records, so that none can be held out.</exception>
    public TrainedLora Train(
        string name, string baseModelName, ulong seed, IReadOnlyList<double> learningRates, Action<double, int, double> report,
        CancellationToken cancellationToken)
    {
        if (examples.Length < 2) throw new InvalidOperationException("Early stopping needs at least two validation records.");
        var order = examples.ToArray();
        SeededRandom.Derive(seed, "lora-held-out").Shuffle<TrainingExample>(order);
        var heldOut = order[..Math.Max(1, order.Length / 5)];
        var trained = order[heldOut.Length..];
        var (bestRate, bestEpochs, bestLoss) = (learningRates[0], 1, double.PositiveInfinity);
        foreach (var rate in learningRates)
        {
            var stopping = new EarlyStop(Patience);
            Run(trained, rate, MostEpochs, seed, (epoch, trainer) =>
            {
                var loss = trainer.Evaluate(heldOut);
                report(rate, epoch, loss);
                return stopping.Tell(epoch, loss);
            }, cancellationToken);
            if (stopping.Loss < bestLoss) (bestRate, bestEpochs, bestLoss) = (rate, stopping.Epoch, stopping.Loss);
        }

        var factors = Run(examples, bestRate, bestEpochs, seed, (_, _) => true, cancellationToken);
        return new TrainedLora(factors.ToAdapter(name, baseModelName), bestRate, bestEpochs, bestLoss);
    }

    /// <summary>Trains fresh factors, the same ones for a seed.</summary>
    /// <param name="goesOn">Asked after every epoch.</param>
    private LoraParameters Run(
        IReadOnlyList<TrainingExample> records, double learningRate, int epochs, ulong seed, Func<int, Trainer, bool> goesOn,
        CancellationToken cancellationToken)
    {
        var factors = LoraParameters.Create(baseWeights.Config, Rank, LoraAlpha, SeededRandom.Derive(seed, "lora"));
        var batches = new EpochBatches(records, BatchSize, seed);
        var settings = new TrainingSettings
        {
            Steps = epochs * batches.BatchesPerEpoch,
            LearningRate = learningRate,
            WarmUpSteps = WarmUpSteps,
            FinalLearningRateRatio = 1,
            Beta2 = 0.999,
            CheckpointEvery = 0,
        };
        var trainer = Trainer.Lora(baseWeights, factors, settings, team, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new EpochEnds(batches.BatchesPerEpoch, epoch =>
        {
            if (!goesOn(epoch, trainer)) stop.Cancel();
        });
        try
        {
            trainer.Run(batches, null, "", progress, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Stopped early; the epochs that were best are trained again, on all records.
        }

        return factors;
    }

    private sealed class EpochEnds(int batchesPerEpoch, Action<int> ended) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step % batchesPerEpoch == 0) ended(value.Step / batchesPerEpoch);
        }
    }

    private sealed class EarlyStop(int patience)
    {
        public int Epoch { get; private set; } = 1;

        public double Loss { get; private set; } = double.PositiveInfinity;

        /// <returns>Whether training goes on.</returns>
        public bool Tell(int epoch, double loss)
        {
            if (loss < Loss) (Epoch, Loss) = (epoch, loss);
            return epoch - Epoch < patience;
        }
    }
}

/// <summary>A LoRA and how it was chosen.</summary>
/// <param name="HeldOutLoss">Nats per token on the records left out while choosing; the LoRA itself was trained on all.</param>
internal sealed record TrainedLora(PeftAdapter Adapter, double LearningRate, int Epochs, double HeldOutLoss);
