namespace Cuvee.Merging.Methods;

/// <summary>
/// A published way to combine task vectors. It sees the pool twice: once to measure what it needs over whole task vectors, then module by
/// module to produce the result. Implementations are pure (the same input gives the same bits; randomness only from <see
/// cref="MergeArguments"/>) and thread-safe, one per file, and listed in a <see cref="MergeMethods"/>.
/// </summary>
public interface IMergeMethod
{
    /// <summary>As users write it, in lower case with hyphens, such as <c>task-arithmetic</c>.</summary>
    string Name { get; }

    /// <summary>Authors and arXiv id of the method.</summary>
    string Reference { get; }

    /// <summary>Everything that may be set for the merge as a whole; an argument that is not declared is an error.</summary>
    IReadOnlyList<MergeParameter> Parameters { get; }

    /// <summary>Everything that each adapter has of its own, such as <c>weight</c>; none is named <c>name</c>.</summary>
    IReadOnlyList<MergeParameter> AdapterParameters { get; }

    /// <summary>
    /// Whether a module may come in pieces, some rows of it as if they were a module of their own: the method looks at single entries or
    /// rows only, or measures what it needs of the others in <see cref="Prepare"/>. Checkpoints larger than memory are merged in pieces.
    /// </summary>
    bool AllowsPieces => false;

    /// <summary>Measures and returns what combines one module.</summary>
    /// <param name="pool">Every module of the pool in ordinal order of name (pieces in the order of their rows), formed as it is
    /// enumerated, so that only one module's task vectors are held; may be enumerated several times or, where nothing is measured, not at
    /// all.</param>
    ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments);
}

/// <summary>Overwrites <paramref name="merged"/> [out, in] with the combined task vector of one module; thread-safe.</summary>
public delegate void ModuleMerge(TaskVectors taskVectors, Span<float> merged);

/// <summary>The same module's update in each of the models to merge.</summary>
/// <param name="ModuleName">Module path in the base model.</param>
/// <param name="Deltas">At least one, in the order of the recipe's adapters; each [out, in], row-major, scaling applied. An adapter without
/// the module gives zeros.</param>
public sealed record TaskVectors(string ModuleName, int OutFeatures, int InFeatures, IReadOnlyList<ReadOnlyMemory<float>> Deltas)
{
    /// <summary>False for a tensor of a whole model that is laid out as rows and has other than two dimensions, such as a norm.</summary>
    public bool IsMatrix { get; init; } = true;
}
