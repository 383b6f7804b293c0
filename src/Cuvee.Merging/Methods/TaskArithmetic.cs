namespace Cuvee.Merging.Methods;

/// <summary>lambda times the sum of the task vectors.</summary>
public sealed class TaskArithmetic : IMergeMethod
{
    public string Name => "task-arithmetic";

    public string Reference => "Ilharco et al., arXiv 2212.04089";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("lambda", 0.3, -10, 10, "Scale of the summed task vectors; the paper tunes it on validation data in [0, 1].")];

    public void Combine(TaskVectors taskVectors, MergeArguments arguments, Span<float> merged)
    {
        ArgumentNullException.ThrowIfNull(taskVectors);
        ArgumentNullException.ThrowIfNull(arguments);
        TaskVectorSum.Scaled(taskVectors.Deltas, arguments["lambda"], merged);
    }
}
