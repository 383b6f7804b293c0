namespace Cuvee.Training;

/// <summary>AdamW (arXiv 1711.05101) with linear warm-up and cosine decay to <see cref="FinalLearningRateRatio"/>.</summary>
public sealed record TrainingSettings
{
    public required int Steps { get; init; }

    /// <summary>Peak learning rate.</summary>
    public required double LearningRate { get; init; }

    public int WarmUpSteps { get; init; } = 20;

    public double FinalLearningRateRatio { get; init; }

    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.98;

    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled; applies to matrices.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Global gradient norm bound; 0 turns clipping off.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Steps between checkpoints; 0 writes none; otherwise the last step is always written.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Learning rate of the 0-based <paramref name="step"/>.</summary>
    public double LearningRateAt(int step)
    {
        if (step < WarmUpSteps) return LearningRate * (step + 1) / WarmUpSteps;
        var progress = (double)(step - WarmUpSteps) / Math.Max(1, Steps - WarmUpSteps);
        return LearningRate * (FinalLearningRateRatio + ((1 - FinalLearningRateRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress))));
    }
}
