namespace Cuvee.Merging.Methods;

/// <summary>The mean of the task vectors: "model soups" for models fine-tuned from one base.</summary>
public sealed class LinearMerge : IMergeMethod
{
    public string Name => "linear";

    public string Reference => "Wortsman et al., arXiv 2203.05482";

    public IReadOnlyList<MergeParameter> Parameters => [];

    public void Combine(TaskVectors taskVectors, MergeArguments arguments, Span<float> merged)
    {
        ArgumentNullException.ThrowIfNull(taskVectors);
        TaskVectorSum.Scaled(taskVectors.Deltas, 1.0 / taskVectors.Deltas.Count, merged);
    }
}
