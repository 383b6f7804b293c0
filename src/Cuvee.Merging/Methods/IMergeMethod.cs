namespace Cuvee.Merging.Methods;

/// <summary>
/// A published way to combine task vectors, one tensor at a time. Implementations are pure (the same input gives the same bits; randomness
/// only from <see cref="MergeArguments.RandomFor"/>) and thread-safe, one per file, and listed in <see cref="MergeMethods"/>.
/// </summary>
public interface IMergeMethod
{
    /// <summary>As users write it, in lower case with hyphens, such as <c>task-arithmetic</c>.</summary>
    string Name { get; }

    /// <summary>Authors and arXiv id of the method.</summary>
    string Reference { get; }

    /// <summary>Everything that may be set; an argument that is not declared here is an error.</summary>
    IReadOnlyList<MergeParameter> Parameters { get; }

    /// <summary>Overwrites <paramref name="merged"/> [out, in] with the combined task vector of one module.</summary>
    /// <param name="taskVectors">At least one.</param>
    void Combine(TaskVectors taskVectors, MergeArguments arguments, Span<float> merged);
}
