namespace Cuvee.Training.Tests;

/// <summary>Keeps every report, in order, on the training's own thread.</summary>
internal sealed class ProgressList(Action<TrainingProgress>? also = null) : IProgress<TrainingProgress>
{
    public List<TrainingProgress> Reports { get; } = [];

    public void Report(TrainingProgress value)
    {
        Reports.Add(value);
        also?.Invoke(value);
    }
}
