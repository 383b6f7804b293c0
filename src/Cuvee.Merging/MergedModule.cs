namespace Cuvee.Merging;

/// <summary>The merged update of one linear module, to be added to its base weight.</summary>
/// <param name="Name">Module path in the base model.</param>
/// <param name="Delta">[out, in], row-major, all scalings and weights folded in.</param>
public readonly record struct MergedModule(string Name, int OutFeatures, int InFeatures, ReadOnlyMemory<float> Delta);
