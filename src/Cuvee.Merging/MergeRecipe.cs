namespace Cuvee.Merging;

/// <summary>What to merge, by name; adapters not listed have weight 0.</summary>
public sealed record MergeRecipe(MergeSpace Space, IReadOnlyList<AdapterShare> Adapters);

/// <param name="KeepFraction">The paper's alpha: fraction of each LoraA tensor that is kept, in [0, 1].</param>
/// <param name="Weight">The paper's beta.</param>
public sealed record AdapterShare(string Name, double Weight, double KeepFraction = 1);
