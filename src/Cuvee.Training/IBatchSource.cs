namespace Cuvee.Training;

/// <summary>Batches as a pure function of the step, so that a resumed training sees exactly what an uncut one would have seen.</summary>
public interface IBatchSource
{
    IReadOnlyList<TrainingExample> Batch(int step);
}
