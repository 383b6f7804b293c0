namespace Cuvee.Training;

/// <param name="Step">Steps done.</param>
/// <param name="Loss">This step's mean negative log-likelihood per scored token, nats.</param>
/// <param name="GradientNorm">Before clipping.</param>
/// <param name="Tokens">Tokens processed in this step.</param>
/// <param name="Elapsed">Since this process started training.</param>
public sealed record TrainingProgress(
    int Step, int Steps, double Loss, double GradientNorm, double LearningRate, int Tokens, TimeSpan Elapsed);
