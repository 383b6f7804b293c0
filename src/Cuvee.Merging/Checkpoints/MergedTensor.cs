using Cuvee.Formats.HuggingFace;
using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Checkpoints;

/// <summary>How one tensor of a merged checkpoint comes about.</summary>
/// <param name="Name">In the merged checkpoint.</param>
/// <param name="Sources">At least one, in the order of the arguments' adapters, all of one shape.</param>
/// <param name="Base">What the method's task vectors are differences from, and what its result is added to; null: the method combines the
/// sources themselves.</param>
public sealed record MergedTensor(
    string Name, IReadOnlyList<TensorPlace> Sources, TensorPlace? Base, IMergeMethod Method, MergeArguments Arguments);

/// <summary>A tensor of a checkpoint that is open.</summary>
public sealed record TensorPlace(CheckpointReader Checkpoint, string Name);
