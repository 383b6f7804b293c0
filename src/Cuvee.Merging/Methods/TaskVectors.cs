namespace Cuvee.Merging.Methods;

/// <summary>The same module's update in each of the models to merge.</summary>
/// <param name="ModuleName">Module path in the base model.</param>
/// <param name="Deltas">One per adapter, in the order asked for; each [out, in], row-major, scaling applied. An adapter without the module
/// gives zeros.</param>
public sealed record TaskVectors(string ModuleName, int OutFeatures, int InFeatures, IReadOnlyList<ReadOnlyMemory<float>> Deltas);
